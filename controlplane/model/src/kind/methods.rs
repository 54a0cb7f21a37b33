//! The methods of HTTP that objects name.

pub(super) const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// The same, and the empty text.
pub(super) const ANY_METHODS: &[&str] = &[
    "", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS",
];
