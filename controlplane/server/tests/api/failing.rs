//! The ODB fails: callers get few words, the log gets the cause.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::plane::Plane;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_cause_is_logged_and_not_told() {
    let (plane, _folder) = Plane::new().await;
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    plane.odb.close().await;
    let cause = "closed pool";
    for (what, status, logged) in [
        ("GET /readyz", 503, "not ready"),
        ("GET /api/v1/channels", 500, "the ODB failed"),
    ] {
        let answer = plane.call(what, Value::Null).await.expect(status);
        assert!(!answer.body.to_string().contains(cause), "{}", answer.body);
        let written = String::from_utf8(std::mem::take(&mut log.0.lock().unwrap())).unwrap();
        let has = |line: &str| line.contains(logged) && line.contains(cause);
        assert!(written.lines().any(has), "{what}: {written}");
    }
}
