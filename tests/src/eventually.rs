//! Waiting on a condition, with a limit and the last reason why it did not hold yet.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// A loaded two-core machine needs seconds for what takes milliseconds; a story that waits this
/// long has failed, not been unlucky.
const LIMIT: Duration = Duration::from_secs(30);

/// Asks again until `condition` is `Ok`, and answers with its value.
///
/// # Errors
/// After [`LIMIT`], the last error of `condition` with `what` in front.
pub async fn eventually<T, F, Fut>(what: &str, mut condition: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let limit = tokio::time::Instant::now() + LIMIT;
    let mut again = tokio::time::interval(Duration::from_millis(20));
    loop {
        again.tick().await;
        match condition().await {
            Ok(value) => return Ok(value),
            Err(reason) if tokio::time::Instant::now() >= limit => {
                return Err(reason).with_context(|| format!("waited in vain until {what}"));
            }
            Err(_) => {}
        }
    }
}
