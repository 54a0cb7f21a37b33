//! File descriptors of the process: as many as the system allows, and what to do when there are no more.
//!
//! Refuses to let clients take the last ones: health, metrics, the control plane and upstream connections need some
//! as well. Invariant: running out of descriptors is our own fault and never counted against a peer.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept for what is not a client's: logs, the control plane, the admin listener and those who ask there, packages.
const RESERVED: usize = 32;
/// Of a core: its ring, its listeners, its wake-ups, health checks under way.
const RESERVED_PER_CORE: usize = 8;
/// A client's connection, and the upstream connection that its exchange may need.
const PER_CONNECTION: usize = 2;
/// Below this nothing useful could be served.
const CONNECTIONS_MIN: usize = 4;

/// Raises the soft limit to the hard one, as the system lets every process do: 1,024, the usual soft limit, is for programs
/// that use `select`. Answers with the limit that holds now.
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if setrlimit(Resource::Nofile, raised).is_ok() {
        return limit.maximum.unwrap_or(u64::MAX);
    }
    limit.current.unwrap_or(u64::MAX)
}

/// How many connections of clients each of `cores` may hold, when `workers` processes are kept beside them.
pub fn connections_max(descriptors: u64, cores: usize, workers: usize) -> usize {
    let cores = cores.max(1);
    // Each worker has a socket for every core, and four for its control, output and end.
    let reserved = RESERVED + RESERVED_PER_CORE * cores + workers * (cores + 4);
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    let free = descriptors.saturating_sub(reserved);
    (free / PER_CONNECTION / cores).max(CONNECTIONS_MIN)
}

/// Whether the error says that this machine has run out of something: descriptors, memory, or ports for connections.
pub fn is_exhaustion(error: &io::Error) -> bool {
    // EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL.
    matches!(error.raw_os_error(), Some(24 | 23 | 105 | 12 | 99))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_never_get_the_last_descriptors() {
        for (descriptors, cores, workers) in [(1_024, 1, 0), (1_024, 4, 5), (65_536, 8, 9)] {
            let clients = cores * connections_max(descriptors, cores, workers) * PER_CONNECTION;
            let limit = usize::try_from(descriptors).unwrap();
            assert!(clients + RESERVED < limit, "{clients} of {limit}");
            assert!(clients > limit / 2, "{clients} of {limit}");
        }
        assert_eq!(connections_max(64, 2, 0), CONNECTIONS_MIN);
        assert!(connections_max(u64::MAX, 2, 2) > 1_000_000);
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let limit = raise_descriptor_limit();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, now.maximum);
        assert_eq!(now.current.unwrap_or(u64::MAX), limit);
    }
}
