//! The control plane: arguments, wiring, migrations, listeners.

fn main() {}
