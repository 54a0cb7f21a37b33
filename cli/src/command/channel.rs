//! `bascule channel`.

use reqwest::Method;
use serde_json::Value;

use super::confirm::confirm;
use super::write;
use crate::api::{Api, Call, encode};
use crate::args::{ChannelCommand, ChannelCreate, Wait};
use crate::failure::Failure;
use crate::output::{Output, field};

const COLUMNS: [&str; 6] = ["name", "method", "path", "service", "format", "active"];

pub(crate) async fn run(
    command: ChannelCommand,
    api: &Api,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        ChannelCommand::List => {
            output.list(&api.list("/channels").await?, &COLUMNS, row);
            Ok(())
        }
        ChannelCommand::Get { name } => {
            output.object(&api.named("channel", &name).await?.json()?);
            Ok(())
        }
        ChannelCommand::Create(args) => create(args, api, output).await,
        ChannelCommand::Delete { name, yes, wait } => {
            confirm(&format!("channel {name}"), yes)?;
            delete(&name, &wait, api, output).await
        }
    }
}

async fn create(args: ChannelCreate, api: &Api, output: &Output) -> Result<(), Failure> {
    let optional = [
        ("timeout_ms", args.timeout_ms),
        ("body_bytes_max", args.body_bytes_max),
    ];
    let mut channel = serde_json::Map::new();
    for (field, text) in [
        ("name", args.name),
        ("path", args.path),
        ("service", args.service),
        (
            "method",
            args.method.unwrap_or_default().to_ascii_uppercase(),
        ),
        ("data_format", args.data_format),
    ] {
        channel.insert(field.to_owned(), text.into());
    }
    // What is not given is the control plane's default.
    for (field, number) in optional {
        channel.extend(number.map(|number| (field.to_owned(), number.into())));
    }
    let channel = Value::Object(channel);
    let wait = args.wait.time();
    let body = Some(channel.to_string().into_bytes());
    let call = Call {
        wait,
        body,
        ..Call::default()
    };
    let answer = api.send(Method::POST, "/channels", call).await?.json()?;
    write::report(
        output,
        &format!("channel {} is made", field(&channel, "/name")),
        &answer,
        wait,
    )
}

async fn delete(name: &str, wait: &Wait, api: &Api, output: &Output) -> Result<(), Failure> {
    let current = api.named("channel", name).await?;
    let etag = etag(&current.json()?).or_else(|| current.header("etag").map(ToOwned::to_owned));
    let call = Call {
        wait: wait.time(),
        if_match: etag,
        ..Call::default()
    };
    let path = format!("/channels/{}", encode(name));
    let reply = api.send(Method::DELETE, &path, call).await?;
    let answer = if reply.body.is_empty() {
        Value::Null
    } else {
        reply.json()?
    };
    write::report(
        output,
        &format!("channel {name} is deleted"),
        &answer,
        wait.time(),
    )
}

/// The entity tag of an object, in the quotes that If-Match wants.
pub(crate) fn etag(object: &Value) -> Option<String> {
    let tag = object.get("etag")?;
    let tag = tag
        .as_str()
        .map_or_else(|| tag.to_string(), ToOwned::to_owned);
    Some(if tag.starts_with('"') || tag.starts_with("W/") {
        tag
    } else {
        format!("\"{tag}\"")
    })
}

fn row(channel: &Value) -> Vec<String> {
    let or = |text: String, other: &str| {
        if text.is_empty() {
            other.to_owned()
        } else {
            text
        }
    };
    vec![
        field(channel, "/name"),
        or(field(channel, "/method"), "any"),
        field(channel, "/path"),
        field(channel, "/service"),
        or(field(channel, "/data_format"), "raw"),
        if channel.get("is_active") == Some(&Value::Bool(false)) {
            "no"
        } else {
            "yes"
        }
        .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entity_tag_gets_its_quotes_once() {
        assert_eq!(etag(&json!({"etag": "5"})).as_deref(), Some("\"5\""));
        assert_eq!(etag(&json!({"etag": "\"5\""})).as_deref(), Some("\"5\""));
        assert_eq!(etag(&json!({"etag": 5})).as_deref(), Some("\"5\""));
        assert_eq!(etag(&json!({})), None);
    }
}
