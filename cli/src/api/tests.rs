//! The client against a tiny HTTP server on a thread: what is sent, and what an answer becomes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use super::*;

/// Serves `answers` to one request each and hands over what was asked.
pub(crate) fn server(answers: Vec<(u16, &'static str)>) -> (Api, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for (status, body) in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
                head += &line;
            }
            let mut sent = vec![0; length];
            reader.read_exact(&mut sent).unwrap();
            seen.send(head + "\n" + &String::from_utf8_lossy(&sent))
                .unwrap();
            let length = body.len();
            let kind = match body.strip_prefix('<') {
                Some(_) => "text/html",
                None if status >= 400 => "application/problem+json",
                None => "application/json",
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nContent-Type: {kind}\r\n\
                 Connection: close\r\n\r\n{body}"
            );
            reader.into_inner().write_all(answer.as_bytes()).unwrap();
        }
    });
    let token = Some("secret".to_owned());
    (Api::new(Target { url, token }).unwrap(), requests)
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

async fn cluster(api: &Api) -> Result<Value, Failure> {
    api.send(Method::GET, "/cluster", Call::default())
        .await?
        .json()
}

#[test]
fn a_write_carries_token_body_query_and_precondition() {
    let (api, requests) = server(vec![(200, "{}")]);
    let call = Call {
        query: vec![("file", "a b.py".into())],
        wait: Some(Duration::from_secs(5)),
        body: Some(b"{1}".to_vec()),
        if_match: Some("\"3\"".into()),
        ..Call::default()
    };
    block_on(api.send(Method::POST, "/packages", call)).unwrap();
    let request = requests.recv().unwrap().to_ascii_lowercase();
    assert!(
        request.starts_with("post /api/v1/packages?file=a%20b.py&wait=applied&timeout=5s http/1.1")
    );
    for part in ["authorization: bearer secret", "if-match: \"3\"", "\n{1}"] {
        assert!(request.contains(part), "{part} in {request}");
    }
    assert!(!format!("{api:?}").contains("secret"));
}

/// Answers the first request of each connection and closes it when a second comes, as after an answer that was given
/// before the whole request was read.
fn closes_kept_connections() -> Api {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.unwrap());
                let mut line = String::new();
                while line != "\r\n" {
                    line.clear();
                    reader.read_line(&mut line).unwrap();
                }
                let answer = b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}";
                reader.get_mut().write_all(answer).unwrap();
                reader.read_line(&mut line).ok();
            });
        }
    });
    Api::new(Target { url, token: None }).unwrap()
}

#[test]
fn a_connection_that_the_control_plane_has_given_up_loses_no_request() {
    let api = closes_kept_connections();
    block_on(async {
        for _ in 0..3 {
            cluster(&api).await.unwrap();
        }
    });
}

#[test]
fn a_list_is_read_to_its_last_page() {
    let (api, requests) = server(vec![
        (200, r#"{"items":[{"name":"a"}],"next_page_token":"t/1"}"#),
        (200, r#"{"items":[{"name":"b"}],"next_page_token":null}"#),
    ]);
    let items = block_on(api.list("/services")).unwrap();
    assert_eq!(items.len(), 2);
    requests.recv().unwrap();
    assert!(requests.recv().unwrap().contains("page_token=t%2F1"));
}

#[test]
fn the_wait_is_asked_for_in_the_unit_that_keeps_it_exact_and_outwaited() {
    let call = |wait| Call {
        wait,
        work: Duration::from_secs(30),
        ..Call::default()
    };
    for (ms, wanted) in [(5000, "5s"), (250, "250ms")] {
        let call = call(Some(Duration::from_millis(ms)));
        assert_eq!(call.query()[1], ("timeout", wanted.to_owned()));
        let timeout = call.timeout(&Method::POST);
        let longest = Duration::from_millis(ms).max(call.work);
        assert_eq!(timeout, longest + WRITE_MARGIN);
    }
    assert!(call(None).query().is_empty());
    let work = call(None).timeout(&Method::POST);
    assert_eq!(work, Duration::from_secs(30) + WRITE_MARGIN);
    let read = call(None).timeout(&Method::GET);
    assert_eq!(read, READ_TIMEOUT.max(Duration::from_secs(30)));
}

#[test]
fn a_missing_name_comes_with_the_nearest() {
    let (api, _requests) = server(vec![
        (404, r#"{"title":"Not found"}"#),
        (200, r#"{"items":[{"name":"hello.greet"}]}"#),
    ]);
    let failure = block_on(api.named("service", "helo.greet")).unwrap_err();
    assert_eq!(failure.to_string(), "there is no service 'helo.greet'");
    assert_eq!(
        failure.next().as_deref(),
        Some("did you mean 'hello.greet'?")
    );
    assert_eq!(crate::exit::code(&failure), crate::exit::NOT_FOUND);
}

#[test]
fn nobody_there_is_unreachable_with_the_reason() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let api = Api::new(Target {
        url: format!("http://{address}"),
        token: None,
    })
    .unwrap();
    let failure = block_on(cluster(&api)).unwrap_err();
    assert!(failure.to_string().contains("refused"), "{failure}");
    assert_eq!(crate::exit::code(&failure), crate::exit::UNREACHABLE);
}

#[test]
fn who_answers_in_another_form_is_no_control_plane() {
    for (status, body) in [(404, "<html>"), (200, "<html>"), (502, "<html>")] {
        let (api, _requests) = server(vec![(status, body)]);
        let failure = block_on(cluster(&api)).unwrap_err();
        let said = failure.to_string();
        assert!(said.contains("is not a Bascule control plane"), "{said}");
        assert_eq!(crate::exit::code(&failure), crate::exit::UNREACHABLE);
    }
    let (api, _requests) = server(vec![(404, r#"{"title":"Not found"}"#)]);
    let failure = block_on(cluster(&api)).unwrap_err();
    assert!(matches!(failure, Failure::Problem(_)), "{failure}");
}

#[test]
fn names_cannot_change_the_path() {
    assert_eq!(encode("a/../b?c#d é"), "a%2F..%2Fb%3Fc%23d%20%C3%A9");
    assert_eq!(encode("hello.greet_2-x~"), "hello.greet_2-x~");
}
