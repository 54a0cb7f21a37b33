//! Pure decisions: routing, balancing, health, retry. Time and seeds are arguments.
