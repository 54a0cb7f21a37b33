//! One core's world: accept, connection, exchange, rescue, record, live, drain.
