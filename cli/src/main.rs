//! The bascule command: dev, service, channel and node.

fn main() {}
