//! One listener: hands it each event in its turn, until either side ends.
//!
//! Invariant: ticks may be skipped, deploys may not (as long as they are kept), and none is told
//! twice. Nothing is told after the session that let the listener in has ended.

use std::sync::Arc;

use cp_auth::TokenDigest;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};

use super::events::{Events, Sent};
use crate::Access;

pub(super) struct Listener {
    pub(super) events: Arc<Events>,
    pub(super) access: Arc<Access>,
    /// `None` when a token let it in.
    pub(super) session: Option<TokenDigest>,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) live: broadcast::Receiver<Arc<Sent>>,
    /// Number of the newest event that went out.
    pub(super) sent: u64,
    pub(super) sender: mpsc::Sender<Arc<Sent>>,
}

/// The listener has hung up, or may not hear more.
struct Over;

// === impl Listener ===

impl Listener {
    pub(super) async fn run(mut self, first: Vec<Arc<Sent>>) {
        if self.send_all(first).await.is_err() {
            return;
        }
        while let Some(events) = self.next().await {
            if self.send_all(events).await.is_err() {
                return;
            }
        }
    }

    /// `None` when there will be no more.
    async fn next(&mut self) -> Option<Vec<Arc<Sent>>> {
        tokio::select! {
            event = self.live.recv() => match event {
                // Sent already, as one of those that were missed.
                Ok(event) if event.number <= self.sent => Some(Vec::new()),
                Ok(event) => Some(vec![event]),
                Err(RecvError::Lagged(_)) => Some(self.events.deploys_after(self.sent)),
                Err(RecvError::Closed) => None,
            },
            () = self.sender.closed() => None,
            _ = self.stopping.wait_for(|stopping| *stopping) => None,
        }
    }

    async fn send_all(&mut self, events: Vec<Arc<Sent>>) -> Result<(), Over> {
        // With each event is often enough: there is a tick each second.
        let is_open = |id| self.access.is_session_open(id);
        if !self.session.as_ref().is_none_or(is_open) {
            return Err(Over);
        }
        for event in events {
            self.sent = event.number;
            if self.sender.send(event).await.is_err() {
                return Err(Over);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::events::{EVENTS_QUEUED_MAX, Kind};
    use super::*;

    #[tokio::test]
    async fn a_listener_that_lags_skips_ticks_and_no_deploy() {
        let events = Arc::new(Events::new());
        events.publish(Kind::Deploy, "seen");
        let joined = events.join("");
        let (stop, stopping) = watch::channel(false);
        let (sender, mut receiver) = mpsc::channel(100);
        let listener = Listener {
            events: Arc::clone(&events),
            access: Arc::new(Access::new(TokenDigest::of("t"), Vec::new())),
            session: None,
            stopping,
            live: joined.live,
            sent: joined.number,
            sender,
        };
        events.publish(Kind::Deploy, "early");
        for _ in 0..EVENTS_QUEUED_MAX {
            events.publish(Kind::Tick, "tick");
        }
        events.publish(Kind::Deploy, "late");
        events.publish(Kind::Tick, "last");
        let mut told = Vec::new();
        let telling = async {
            while let Some(sent) = receiver.recv().await {
                told.push((sent.number, sent.data.clone()));
                if sent.data.contains("last") {
                    stop.send_replace(true);
                }
            }
        };
        tokio::join!(listener.run(Vec::new()), telling);
        assert!(told.is_sorted_by(|before, after| before.0 < after.0));
        let deploys: Vec<_> = told
            .iter()
            .map(|(_, data)| data.as_str())
            .filter(|data| !data.contains("tick") && !data.contains("last"))
            .collect();
        assert_eq!(deploys, ["\"early\"", "\"late\""]);
    }
}
