//! `bascule node`.

use reqwest::Method;
use serde_json::Value;

use super::confirm::confirm;
use super::write;
use crate::api::{Api, Call, encode};
use crate::args::{NodeCommand, Wait};
use crate::failure::Failure;
use crate::output::{Output, field};

const COLUMNS: [&str; 8] = [
    "name",
    "state",
    "status",
    "generation",
    "ack",
    "address",
    "balancer",
    "workers",
];

pub(crate) async fn run(command: NodeCommand, api: &Api, output: &Output) -> Result<(), Failure> {
    match command {
        NodeCommand::List => {
            output.list(&api.list("/nodes").await?, &COLUMNS, row);
            Ok(())
        }
        NodeCommand::Get { name } => {
            output.object(&api.named("node", &name).await?.json()?);
            Ok(())
        }
        NodeCommand::Drain { name, wait } => change(api, output, (&name, "drain"), &wait).await,
        NodeCommand::Resume { name, wait } => change(api, output, (&name, "resume"), &wait).await,
        NodeCommand::Delete { name, yes, wait } => {
            confirm(&format!("node {name}"), yes)?;
            delete(&name, &wait, api, output).await
        }
    }
}

async fn change(
    api: &Api,
    output: &Output,
    (name, verb): (&str, &str),
    wait: &Wait,
) -> Result<(), Failure> {
    let path = format!("/nodes/{}:{verb}", encode(name));
    let call = Call {
        wait: wait.time(),
        ..Call::default()
    };
    match api.send(Method::POST, &path, call).await {
        Ok(reply) => {
            let done = if verb == "drain" { "drains" } else { "is back" };
            write::report(
                output,
                &format!("{name} {done}"),
                &reply.json()?,
                wait.time(),
            )
        }
        Err(Failure::Problem(problem)) if problem.status == 404 => {
            Err(api.not_found("node", name).await)
        }
        Err(other) => Err(other),
    }
}

async fn delete(name: &str, wait: &Wait, api: &Api, output: &Output) -> Result<(), Failure> {
    let call = Call {
        wait: wait.time(),
        ..Call::default()
    };
    let path = format!("/nodes/{}", encode(name));
    match api.send(Method::DELETE, &path, call).await {
        Ok(reply) => {
            let what = format!("node {name} is deleted");
            write::report(output, &what, &reply.json()?, wait.time())
        }
        Err(Failure::Problem(problem)) if problem.status == 404 => {
            Err(api.not_found("node", name).await)
        }
        Err(other) => Err(other),
    }
}

fn row(node: &Value) -> Vec<String> {
    let generation = field(node, "/generation");
    let ack = node.pointer("/ack_us").and_then(Value::as_f64);
    vec![
        field(node, "/name"),
        field(node, "/state"),
        field(node, "/status"),
        if generation.is_empty() {
            generation
        } else {
            format!("r{generation}")
        },
        ack.map(|us| crate::applied::readable(us / 1000.0))
            .unwrap_or_default(),
        field(node, "/address"),
        field(node, "/balancer_address"),
        workers(node),
    ]
}

/// `2/2`; none are known before the node's first report, which follows its connection by a moment.
fn workers(node: &Value) -> String {
    match field(node, "/workers/total").as_str() {
        "" | "0" => "-".to_owned(),
        total => format!("{}/{total}", field(node, "/workers/ready")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn workers_are_not_said_to_be_none_before_the_node_has_reported() {
        let node = |ready, total| json!({"workers":{"ready":ready,"total":total}});
        assert_eq!(workers(&node(0, 0)), "-");
        assert_eq!(workers(&json!({})), "-");
        assert_eq!(workers(&node(0, 2)), "0/2");
        assert_eq!(workers(&node(2, 2)), "2/2");
    }
}
