//! Stories that drive the real binaries, and the tidy rules of the house.
