//! The floor for the bench: a bare relay on the same runtime, without any feature.
//!
//! Parses both heads with httparse, keeps its upstream connections in a LIFO pool, and copies bytes. Refuses
//! everything else: one upstream, bodies by Content-Length within one read, no limits, no deadlines, no errors.
//! `relay LISTEN UPSTREAM`.

#![expect(clippy::unwrap_used, reason = "a measuring tool, not a product")]

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use dp_net::{Acceptor, DeadlineWheel, DriverChoice, ListenerSet, Stream};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Pool = Rc<RefCell<Vec<Stream>>>;

const ROOM: usize = 4096;
const HEADERS: usize = 32;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<SocketAddr>().unwrap());
    let (listen, upstream) = (arguments.next().unwrap(), arguments.next().unwrap());
    let sockets = ListenerSet::bind(listen, 1).unwrap();
    dp_net::block_on(DriverChoice::IoUring, |_| async move {
        let acceptor = Acceptor::new(sockets.of_core(0).unwrap()).unwrap();
        let wheel = Rc::new(DeadlineWheel::default());
        let pool = Pool::default();
        while let Some((client, _)) = acceptor.accept(&wheel, |_| {}).await {
            dp_net::spawn(relay(client, upstream, Rc::clone(&wheel), Rc::clone(&pool)));
        }
    })
    .unwrap();
}

async fn relay(mut client: Stream, upstream: SocketAddr, wheel: Rc<DeadlineWheel>, pool: Pool) {
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    loop {
        request = match message(&mut client, request, request_length).await {
            Some(request) => request,
            None => return,
        };
        let pooled = pool.borrow_mut().pop();
        let mut server = match pooled {
            Some(server) => server,
            None => Stream::connect(upstream, Duration::from_secs(2), &wheel)
                .await
                .unwrap(),
        };
        let (sent, back) = server.writer.write_all(request).await;
        request = back;
        sent.unwrap();
        answer = match message(&mut server, answer, response_length).await {
            Some(answer) => answer,
            None => return,
        };
        pool.borrow_mut().push(server);
        let (sent, back) = client.writer.write_all(answer).await;
        answer = back;
        if sent.is_err() {
            return;
        }
    }
}

async fn message(
    from: &mut Stream,
    mut buffer: Vec<u8>,
    length: fn(&[u8]) -> Option<usize>,
) -> Option<Vec<u8>> {
    buffer.clear();
    loop {
        let (read, back) = from.reader.read_some(buffer, ROOM).await;
        buffer = back;
        if read.ok()? == 0 {
            return None;
        }
        if length(&buffer).is_some_and(|length| buffer.len() >= length) {
            return Some(buffer);
        }
    }
}

fn request_length(buffer: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let head = request.parse(buffer).unwrap();
    Some(if head.is_complete() {
        head.unwrap() + body_length(request.headers)
    } else {
        return None;
    })
}

fn response_length(buffer: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let head = response.parse(buffer).unwrap();
    Some(if head.is_complete() {
        head.unwrap() + body_length(response.headers)
    } else {
        return None;
    })
}

fn body_length(headers: &[httparse::Header<'_>]) -> usize {
    let length = headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    length.map_or(0, |header| {
        std::str::from_utf8(header.value).unwrap().parse().unwrap()
    })
}
