//! Request methods. Owns the known names and their codes in the worker protocol; unknown names stay bytes in the
//! head's `method_span`. Invariant: names are compared exactly, for methods are case-sensitive.

/// A request method. `Other` is any other token of at most 32 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    #[default]
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
    Other,
}

impl Method {
    /// The methods that have a name of their own.
    pub const KNOWN: [Self; 7] = [
        Self::Get,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
        Self::Head,
        Self::Options,
    ];

    /// Longer methods are refused.
    pub const BYTES_MAX: usize = 32;

    /// The method with this exact name.
    pub fn from_bytes(name: &[u8]) -> Self {
        match name {
            b"GET" => Self::Get,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"PATCH" => Self::Patch,
            b"DELETE" => Self::Delete,
            b"HEAD" => Self::Head,
            b"OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }

    /// The name; empty for `Other`, whose name is in the head.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Other => "",
        }
    }

    /// The code of `docs/worker-protocol.md`.
    pub fn wire_code(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Get => 1,
            Self::Post => 2,
            Self::Put => 3,
            Self::Patch => 4,
            Self::Delete => 5,
            Self::Head => 6,
            Self::Options => 7,
        }
    }

    /// The method of a code of `docs/worker-protocol.md`.
    pub fn from_wire_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Other,
            1 => Self::Get,
            2 => Self::Post,
            3 => Self::Put,
            4 => Self::Patch,
            5 => Self::Delete,
            6 => Self::Head,
            7 => Self::Options,
            _ => return None,
        })
    }

    /// Whether sending the request twice has the effect of sending it once (RFC 9110 9.2.2), so that it may be retried.
    pub fn is_idempotent(self) -> bool {
        matches!(
            self,
            Self::Get | Self::Head | Self::Options | Self::Put | Self::Delete
        )
    }
}
