//! Load generator with closed and open models and honest percentiles.

fn main() {}
