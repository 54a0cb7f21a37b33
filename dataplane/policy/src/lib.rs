//! Pure decisions: routing, balancing, health, retry. Time and seeds are arguments.
//!
//! Owns which route, which endpoint, whether again; refuses to own sockets, clocks, randomness and HTTP's bytes. Invariant: the
//! same arguments in the same order give the same decisions, so everything here is simulated in tests.

pub mod balance;
pub mod health;
pub mod retry;
pub mod route;
