//! Serial numbers of certificates, and the set of those that were revoked.
//!
//! Owns both. A set in the ODB that every control plane reads is enough: nobody else judges these
//! certificates, so no revocation list has to be signed and published. Invariant: a serial is 16
//! random bytes, of which the first is never zero nor negative, so that its text is always the same.

use std::collections::BTreeMap;
use std::fmt;

use cp_model::{Invalid, Timestamp};
use data_encoding::HEXLOWER;

use crate::SecretError;
use crate::secret::random_bytes;

const SERIAL_BYTES: usize = 16;

/// Of a certificate of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial([u8; SERIAL_BYTES]);

/// Revoked serials, with the end of their certificates: after it they need not be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevokedSerials(BTreeMap<Serial, Timestamp>);

// === impl Serial ===

impl Serial {
    pub(super) fn random() -> Result<Self, SecretError> {
        let mut bytes = *random_bytes::<SERIAL_BYTES>()?;
        let [first, ..] = &mut bytes;
        *first = (*first & 0x3f) | 0x40;
        Ok(Self(bytes))
    }

    /// As it stands in a certificate; `None` when it is not one of ours.
    pub(super) fn from_der(bytes: &[u8]) -> Option<Self> {
        let bytes = <[u8; SERIAL_BYTES]>::try_from(bytes).ok()?;
        let [first, ..] = bytes;
        (first & 0xc0 == 0x40).then_some(Self(bytes))
    }

    /// Parses what `Display` gives: 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        let serial = bytes.and_then(|bytes| Self::from_der(&bytes));
        serial.ok_or_else(|| Invalid::new("serial", "must be a serial of this cluster's CA"))
    }

    pub fn as_bytes(&self) -> &[u8; SERIAL_BYTES] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

// === impl RevokedSerials ===

impl RevokedSerials {
    /// True when it was not revoked before.
    pub fn revoke(&mut self, serial: Serial, certificate_ends: Timestamp) -> bool {
        self.0.insert(serial, certificate_ends).is_none()
    }

    pub fn contains(&self, serial: &Serial) -> bool {
        self.0.contains_key(serial)
    }

    /// Forgets certificates that have ended by themselves.
    pub fn forget_ended(&mut self, now: Timestamp) {
        self.0.retain(|_, ends| *ends >= now);
    }

    /// To store.
    pub fn iter(&self) -> impl Iterator<Item = (&Serial, Timestamp)> {
        self.0.iter().map(|(serial, ends)| (serial, *ends))
    }
}

impl FromIterator<(Serial, Timestamp)> for RevokedSerials {
    fn from_iter<I: IntoIterator<Item = (Serial, Timestamp)>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}
