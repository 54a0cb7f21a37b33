//! Use cases: authorize, write, wake. One file per resource.
