//! The supervisor and the links against a worker that misbehaves on demand (`testdata/scripted`).
//!
//! A service does what its name says, a package fails as its module name says. Every test has its own processes and waits on
//! conditions; nothing here depends on how fast the machine is.

// Marked, because the lints know helpers of tests by it.
#[cfg(test)]
mod calls;
#[cfg(test)]
mod deaths;
#[cfg(test)]
mod house;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod renewal;
#[cfg(test)]
mod spare;
#[cfg(test)]
mod stops;
