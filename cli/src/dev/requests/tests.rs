//! Which lines a person sees for which requests.

use super::*;
use crate::args::{Colour, Global};

fn plain() -> Output {
    Output::new(&Global {
        url: None,
        token_file: None,
        json: false,
        quiet: false,
        color: Colour::Never,
    })
}

fn json(cid: &str, code: u16, upstream: &str) -> String {
    format!(
        r#"{{"ts":"T","method":"GET","path":"/hello","code":{code},"duration_s":0.001400,{upstream}"cid":"{cid}","service":"hello.greet"}}"#
    )
}

const UPSTREAM: &str = r#""upstream":"127.0.0.1:1","#;

#[test]
fn a_request_reads_with_its_service_version_time_and_cid() {
    let now = Instant::now();
    let mut log = RequestLog::new(now);
    log.versions.insert("hello.greet".into(), 1);
    let line = log.take(&json("c1", 200, ""), now, &plain()).unwrap();
    assert_eq!(line, "200 GET /hello  hello.greet v1  1.4 ms  c1");
    let lost = log.take(
        r#"{"method":"GET","path":"/x","code":404,"duration_s":0.0001,"cid":"c"}"#,
        now,
        &plain(),
    );
    assert_eq!(lost.unwrap(), "404 GET /x  –  0.1 ms  c");
}

#[test]
fn a_balanced_request_is_one_line_in_either_order() {
    let (now, output) = (Instant::now(), plain());
    let mut log = RequestLog::new(now);
    assert_eq!(log.take(&json("a", 200, UPSTREAM), now, &output), None);
    assert!(log.take(&json("a", 200, ""), now, &output).is_some());
    assert!(log.tick(now + HOLD, &output).is_empty());
    assert!(log.take(&json("b", 200, ""), now, &output).is_some());
    assert_eq!(log.take(&json("b", 200, UPSTREAM), now, &output), None);
    assert!(log.tick(now + 2 * HOLD, &output).is_empty());
}

#[test]
fn a_request_that_no_member_answered_is_shown_after_a_moment() {
    let (now, output) = (Instant::now(), plain());
    let mut log = RequestLog::new(now);
    log.take(&json("a", 502, UPSTREAM), now, &output);
    assert_eq!(log.next_due(), Some(now + HOLD));
    assert_eq!(log.tick(now + HOLD, &output).len(), 1);
    assert_eq!(log.next_due(), None);
}

#[test]
fn a_flood_is_counted_instead_of_shown() {
    let (now, output) = (Instant::now(), plain());
    let mut log = RequestLog::new(now);
    let shown = (0..500)
        .filter(|n| {
            log.take(&json(&n.to_string(), 200, ""), now, &output)
                .is_some()
        })
        .count();
    assert_eq!(shown, LINES_PER_SECOND as usize);
    let lines = log.tick(now + Duration::from_secs(1), &output);
    assert_eq!(lines, ["… 450 more requests: 450 × 200"]);
    assert!(log.take(&json("x", 200, ""), now, &output).is_some());
}

#[test]
fn health_checks_and_what_is_no_json_are_not_shown() {
    let (now, output) = (Instant::now(), plain());
    let mut log = RequestLog::new(now);
    assert_eq!(
        log.take(
            r#"{"method":"GET","path":"/zato/ping","code":200}"#,
            now,
            &output
        ),
        None
    );
    assert_eq!(log.take("panic!", now, &output), None);
}

#[test]
fn memory_is_bounded() {
    let (now, output) = (Instant::now(), plain());
    let mut log = RequestLog::new(now);
    for n in 0..3 * REMEMBERED_MAX {
        log.take(&json(&format!("u{n}"), 502, UPSTREAM), now, &output);
        log.take(&json(&format!("m{n}"), 200, ""), now, &output);
    }
    assert!(log.held.len() <= REMEMBERED_MAX && log.told.len() <= REMEMBERED_MAX);
}
