//! The golden snapshot: what nodes get for known rows.
