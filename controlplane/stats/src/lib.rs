//! Statistics: ingest, in-process store, queries.
