//! The operational database: the only SQL.
