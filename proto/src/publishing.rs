//! The control plane's side of the service, where what it sends may be encoded already.
//!
//! Invariant: an [`Outgoing`] is on the wire what the [`ControlMessage`](crate::config::v1::ControlMessage) of the same
//! content is. A field of bytes and a field of a message differ only in who knows what the bytes mean, so a snapshot or
//! a delta that is the same for a hundred nodes is encoded once, and each session only copies it into its socket.

use prost::bytes::Bytes;

use crate::config::v1::control_message::Message;
use crate::config::v1::{Invoke, Trial};

pub use service::node_config_server;

#[expect(
    clippy::pedantic,
    clippy::clone_on_ref_ptr,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
mod service {
    include!(concat!(env!("OUT_DIR"), "/publishing/bascule.config.v1.rs"));
}

/// A `ControlMessage` with its large parts encoded.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Outgoing {
    #[prost(oneof = "Payload", tags = "1, 2, 3, 4")]
    pub payload: Option<Payload>,
}

/// The variants and tags of `ControlMessage`.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Payload {
    /// An encoded `Snapshot`.
    #[prost(bytes = "bytes", tag = "1")]
    Snapshot(Bytes),
    #[prost(message, tag = "2")]
    Trial(Trial),
    #[prost(message, tag = "3")]
    Invoke(Invoke),
    /// An encoded `Delta`.
    #[prost(bytes = "bytes", tag = "4")]
    Delta(Bytes),
}

// === impl Outgoing ===

impl From<Payload> for Outgoing {
    fn from(payload: Payload) -> Self {
        Self {
            payload: Some(payload),
        }
    }
}

// === impl Payload ===

impl From<Message> for Payload {
    /// Every variant stands here, so that one that is added to the wire cannot be forgotten.
    fn from(message: Message) -> Self {
        use prost::Message as _;
        match message {
            Message::Snapshot(snapshot) => Self::Snapshot(snapshot.encode_to_vec().into()),
            Message::Trial(trial) => Self::Trial(trial),
            Message::Invoke(invoke) => Self::Invoke(invoke),
            Message::Delta(delta) => Self::Delta(delta.encode_to_vec().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::config::v1::{ControlMessage, Delta, Snapshot};

    #[test]
    fn it_is_on_the_wire_what_the_control_message_is() {
        let messages = [
            Message::Snapshot(Snapshot {
                generation: 300,
                cluster: "dev".to_owned(),
                ..Snapshot::default()
            }),
            Message::Snapshot(Snapshot::default()),
            Message::Trial(Trial::default()),
            Message::Invoke(Invoke {
                id: 7,
                body: vec![1, 2, 3].into(),
                ..Invoke::default()
            }),
            Message::Delta(Delta {
                generation: 5,
                put_at: vec![1, 300],
                put: vec![vec![8, 1].into(), vec![].into()],
                ..Delta::default()
            }),
        ];
        for message in messages {
            let outgoing = Outgoing::from(Payload::from(message.clone()));
            let message = Some(message);
            assert_eq!(
                outgoing.encode_to_vec(),
                ControlMessage { message }.encode_to_vec()
            );
        }
    }
}
