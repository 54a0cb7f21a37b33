//! docs/grpc.md: each command does what the page says.
//!
//! A client that, like grpcurl, knows nothing of our messages: it asks the server for descriptions, turns JSON into
//! messages by them, calls, and turns the answers back.

use std::collections::BTreeMap;

use http_body_util::BodyExt as _;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::Value;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_reflection::pb::v1 as reflection;

use crate::fake_node::{FakeNode, Manner};
use crate::grpc::{admin, connect};
use crate::plane::{ADMIN, Plane, request};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/grpc.md");

#[derive(Debug, Default)]
struct Command {
    line: String,
    headers: Vec<(String, String)>,
    data: String,
    max_time: Option<String>,
    method: String,
    /// What stands below it.
    told: String,
}

/// The commands of all `console` blocks.
fn commands(page: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines() {
            if let Some(line) = line.strip_prefix("$ ") {
                commands.push(parse(line));
                continue;
            }
            let last = commands.last_mut().unwrap();
            last.told.push_str(line);
            last.told.push('\n');
        }
    }
    commands
}

fn parse(line: &str) -> Command {
    let line = line.replace("$TOKEN", ADMIN);
    let mut words = words(&line).into_iter();
    assert_eq!(words.next().as_deref(), Some("grpcurl"));
    let mut command = Command {
        data: "{}".to_owned(),
        line: line.clone(),
        ..Command::default()
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "-plaintext" | "$ADMIN" => {}
            "-max-time" => command.max_time = Some(format!("{}S", words.next().unwrap())),
            "-d" => command.data = words.next().unwrap(),
            "-H" => {
                let header = words.next().unwrap();
                let (name, value) = header.split_once(": ").unwrap();
                command.headers.push((name.to_owned(), value.to_owned()));
            }
            method => method.clone_into(&mut command.method),
        }
    }
    command
}

/// As a shell splits them: single and double quotes, no escapes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words
}

/// Descriptions of everything that `symbol` needs, as the server tells them.
async fn described(channel: &Channel, symbol: &str) -> DescriptorPool {
    use reflection::server_reflection_client::ServerReflectionClient;
    use reflection::server_reflection_request::MessageRequest;
    use reflection::server_reflection_response::MessageResponse;
    let mut files = BTreeMap::new();
    let mut wanted = vec![MessageRequest::FileContainingSymbol(symbol.to_owned())];
    while let Some(asked) = wanted.pop() {
        let asked = reflection::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(asked),
        };
        let mut client = ServerReflectionClient::new(channel.clone());
        let answers = client
            .server_reflection_info(admin(tokio_stream::once(asked)))
            .await;
        let answer = answers
            .unwrap()
            .into_inner()
            .message()
            .await
            .unwrap()
            .unwrap();
        let Some(MessageResponse::FileDescriptorResponse(told)) = answer.message_response else {
            panic!("{symbol}: {answer:?}");
        };
        for file in told.file_descriptor_proto {
            let file = prost_types::FileDescriptorProto::decode(&*file).unwrap();
            let needed = file
                .dependency
                .iter()
                .filter(|name| !files.contains_key(*name));
            wanted.extend(needed.cloned().map(MessageRequest::FileByFilename));
            files.insert(file.name().to_owned(), file);
        }
    }
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_protos(files.into_values())
        .unwrap();
    pool
}

async fn method(channel: &Channel, path: &str) -> MethodDescriptor {
    let (service, name) = path.split_once('/').unwrap();
    let pool = described(channel, service).await;
    let service = pool.get_service_by_name(service).unwrap();
    service
        .methods()
        .find(|method| method.name() == name)
        .unwrap()
}

/// The answers, one after the other, and the error when it ends with one.
async fn run(plane: &Plane, channel: &Channel, command: &Command) -> (Vec<Value>, Option<String>) {
    let method = method(channel, &command.method).await;
    let mut json = serde_json::Deserializer::from_str(&command.data);
    let message = DynamicMessage::deserialize(method.input(), &mut json).unwrap();
    let mut body = vec![0];
    body.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    body.extend(message.encode_to_vec());
    let mut call = request(&format!("POST /{}", command.method))
        .version(axum::http::Version::HTTP_2)
        .header("content-type", "application/grpc");
    for (name, value) in &command.headers {
        call = call.header(name, value);
    }
    if let Some(max_time) = &command.max_time {
        call = call.header("grpc-timeout", max_time);
    }
    let answered = plane.send(call.body(body.into()).unwrap()).await;
    let headers = answered.headers().clone();
    let collected = answered.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or(headers);
    let status = Status::from_header_map(&trailers).unwrap();
    let mut frames = &*collected.to_bytes();
    let mut answers = Vec::new();
    while let Some((head, rest)) = frames.split_at_checked(5) {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap());
        let (frame, rest) = rest.split_at(usize::try_from(length).unwrap());
        let answer = DynamicMessage::decode(method.output(), frame).unwrap();
        answers.push(serde_json::to_value(answer).unwrap());
        frames = rest;
    }
    let is_error = status.code() != Code::Ok;
    let error = is_error.then(|| format!("{:?} {}", status.code(), status.message()));
    (answers, error)
}

/// Whether the answer has what the page shows of it; `…` is anything, and ends a text.
fn has(answer: &Value, shown: &Value) -> bool {
    match (answer, shown) {
        (_, Value::String(text)) if text == "…" => true,
        (Value::Object(answer), Value::Object(shown)) => shown
            .iter()
            .all(|(name, shown)| answer.get(name).is_some_and(|answer| has(answer, shown))),
        (Value::Array(answer), Value::Array(shown)) => {
            answer.len() == shown.len() && answer.iter().zip(shown).all(|(a, b)| has(a, b))
        }
        // All numbers of a `Struct` are doubles.
        (Value::Number(answer), Value::Number(shown)) => answer.as_f64() == shown.as_f64(),
        (answer, shown) => answer == shown,
    }
}

fn is_error(error: Option<&str>, shown: Option<&str>) -> bool {
    match (error, shown) {
        (Some(error), Some(shown)) => match shown.strip_suffix('…') {
            Some(start) => error.starts_with(start),
            None => error == shown,
        },
        (error, shown) => error == shown,
    }
}

#[tokio::test]
async fn every_command_of_the_page_does_what_the_page_says() {
    let (plane, _folder) = Plane::new().await;
    FakeNode::connect(&plane, "n1").await.run(Manner::Obedient);
    plane
        .eventually("/api/v1/cluster", |body| body["nodes"]["in_sync"] == 1)
        .await;
    let channel = connect(&plane).await;
    let page = std::fs::read_to_string(PAGE).unwrap();
    let commands = commands(&page);
    assert!(commands.len() >= 10, "{commands:?}");
    for command in &commands {
        let (answers, error) = run(&plane, &channel, command).await;
        let (shown, shown_error) = match command.told.split_once("ERROR:\n  Code: ") {
            Some((shown, error)) => (shown, Some(error.trim_end().replace("\n  Message:", ""))),
            None => (command.told.as_str(), None),
        };
        let shown: Vec<Value> = serde_json::Deserializer::from_str(shown)
            .into_iter()
            .map(|value| value.unwrap())
            .collect();
        let line = &command.line;
        assert!(
            is_error(error.as_deref(), shown_error.as_deref()),
            "{line}: {error:?} {answers:?}"
        );
        assert_eq!(answers.len(), shown.len(), "{line}: {answers:?}");
        for (answer, shown) in answers.iter().zip(&shown) {
            assert!(
                has(answer, shown),
                "{line}\nanswers {answer}\n  shown {shown}"
            );
        }
    }
}
