//! The node: starts the cores, the workers and the agent, and stops them.

fn main() {}
