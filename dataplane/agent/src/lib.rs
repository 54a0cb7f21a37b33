//! The tokio side of a node: config stream, snapshot on disk, reports, node admin.
