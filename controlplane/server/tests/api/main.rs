//! The control plane as its clients and nodes see it: real ODB, real gRPC on port 0, fake nodes.

#[cfg(test)]
mod access;
#[cfg(test)]
mod apply;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod config;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod faces;
#[cfg(test)]
mod failing;
#[cfg(test)]
mod fake_node;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod grpc;
#[cfg(test)]
mod grpc_docs;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod plane;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod statuses;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod wait;
#[cfg(test)]
mod watch;
