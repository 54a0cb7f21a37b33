//! Who may do what: operation contexts, tokens and sessions.
