//! Which ports to listen on: the wished one, or a free one when that is taken. A port that is found free can be
//! lost to another process before our child binds it; then the child says so. Invariant: no port is given out twice.

use std::net::{Ipv4Addr, TcpListener};

use crate::failure::Failure;

#[derive(Debug, Default)]
pub(crate) struct Ports {
    given: Vec<u16>,
    /// What to tell the person: wishes that could not be met.
    pub(crate) moved: Vec<String>,
}

// === impl Ports ===

impl Ports {
    /// `what` is named in the message when another port than `wished` is taken.
    pub(crate) fn take(&mut self, wished: u16, what: &str) -> Result<u16, Failure> {
        if wished != 0 && !self.given.contains(&wished) && is_free(wished) {
            self.given.push(wished);
            return Ok(wished);
        }
        let port = self.any()?;
        if wished != 0 && !what.is_empty() {
            self.moved
                .push(format!("port {wished} is in use, {what} listens on {port}"));
        }
        Ok(port)
    }

    fn any(&mut self) -> Result<u16, Failure> {
        // Kept open until one is new, so that the kernel cannot offer the same twice.
        let mut offered = Vec::new();
        for _ in 0..=self.given.len() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .map_err(|error| Failure::io("finding a free port", &error))?;
            let port = listener
                .local_addr()
                .map_err(|error| Failure::io("finding a free port", &error))?
                .port();
            offered.push(listener);
            if !self.given.contains(&port) {
                self.given.push(port);
                return Ok(port);
            }
        }
        Err(Failure::Failed("no free port was found".to_owned()))
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_replaced_and_said_and_none_is_given_twice() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let wished = taken.local_addr().unwrap().port();
        let mut ports = Ports::default();
        let first = ports.take(wished, "the balancer").unwrap();
        assert_ne!(first, wished);
        assert_eq!(
            ports.moved,
            [format!(
                "port {wished} is in use, the balancer listens on {first}"
            )]
        );
        assert_ne!(ports.take(first, "").unwrap(), first);
        assert_eq!(ports.moved.len(), 1);
    }
}
