//! The services that are compiled in: `bascule.ping`, `bascule.echo`.
//!
//! They run on the core's own thread and never wait, so they are plain functions. Refuse nothing. Invariant: they
//! have no handle and no set; their names are never given to a package (`bascule.` is ours).

use bytes::Bytes;

use crate::call::Reply;

/// A service that needs no worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// `{"is_ok":true,"cid":"…"}`
    Ping,
    /// The request's body and content type.
    Echo,
}

const JSON: Bytes = Bytes::from_static(b"application/json");

// === impl Builtin ===

impl Builtin {
    pub const ALL: [Self; 2] = [Self::Ping, Self::Echo];

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|builtin| builtin.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Ping => "bascule.ping",
            Self::Echo => "bascule.echo",
        }
    }

    /// For the list of services.
    pub fn documentation(self) -> &'static str {
        match self {
            Self::Ping => "Answers that the node is alive, with the correlation id of the request.",
            Self::Echo => "Answers with the request's own body and content type.",
        }
    }

    /// `cid` is made by the core and is plain ASCII; what is not is left out of the JSON.
    pub fn run(self, cid: &[u8], content_type: &[u8], body: &[u8]) -> Reply {
        let (content_type, body) = match self {
            Self::Ping => (JSON, pong(cid)),
            Self::Echo if content_type.is_empty() => (
                Bytes::from_static(b"application/octet-stream"),
                Bytes::copy_from_slice(body),
            ),
            Self::Echo => (
                Bytes::copy_from_slice(content_type),
                Bytes::copy_from_slice(body),
            ),
        };
        Reply {
            status: 200,
            content_type,
            body,
            ..Reply::default()
        }
    }
}

fn pong(cid: &[u8]) -> Bytes {
    let safe = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    let mut body = Vec::with_capacity(32 + cid.len());
    body.extend_from_slice(br#"{"is_ok":true,"cid":""#);
    body.extend(cid.iter().copied().filter(safe));
    body.extend_from_slice(br#""}"#);
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ping_answers_with_the_cid_and_is_always_json() {
        let reply = Builtin::from_name("bascule.ping")
            .unwrap()
            .run(b"k\"1\\\n", b"", b"ignored");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.content_type, "application/json");
        assert_eq!(reply.body, r#"{"is_ok":true,"cid":"k1"}"#);
    }

    #[test]
    fn echo_answers_with_the_same_body_and_type() {
        let reply = Builtin::Echo.run(b"c", b"text/csv", b"a,b");
        assert_eq!(
            (reply.content_type.as_ref(), reply.body.as_ref()),
            (&b"text/csv"[..], &b"a,b"[..])
        );
        assert_eq!(
            Builtin::Echo.run(b"c", b"", b"").content_type,
            "application/octet-stream"
        );
    }

    #[test]
    fn other_names_are_not_built_in() {
        assert_eq!(Builtin::from_name("bascule.pin"), None);
    }
}
