//! A message body on its way in: bytes as they came, and which of them are data.
//!
//! The same for requests and for upstreams' answers. Refuses to buffer a whole body: it holds one read at a
//! time, and whoever takes the data decides where it goes. Invariant: data is what the framing says, to the
//! byte; what follows the body is given back untouched.

use std::ops::Range;

use dp_codec::{BodyLength, ChunkDecoder, ChunkLimits, ChunkStep, Refusal};
use dp_net::{ReadHalf, Slot};

use crate::buffers::{READ_LARGE, READ_SMALL};

/// Why a body did not come whole.
#[derive(Debug)]
pub(crate) enum BodyFault {
    /// The framing is broken, or a limit is passed.
    Refused(Refusal),
    /// The deadline of the reading socket was missed.
    Late,
    /// The sender went away, or the socket failed.
    Ended,
}

/// Data that is at hand.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Where it is in `Body::raw`.
    pub(crate) range: Range<usize>,
    /// Nothing follows it.
    pub(crate) is_last: bool,
}

/// One body.
pub(crate) struct Body {
    raw: Vec<u8>,
    /// Bytes before it were taken.
    at: usize,
    framing: Framing,
    received: u64,
}

enum Framing {
    Sized { left: u64 },
    Chunked(Box<ChunkDecoder>),
    UntilClose { is_closed: bool },
}

impl Body {
    /// A body whose first bytes are `raw[at..]`.
    pub(crate) fn new(raw: Vec<u8>, at: usize, length: BodyLength, bytes_max: u64) -> Self {
        let framing = match length {
            BodyLength::None => Framing::Sized { left: 0 },
            BodyLength::Sized(left) => Framing::Sized { left },
            BodyLength::Chunked => {
                let limits = ChunkLimits {
                    body_bytes_max: bytes_max,
                    ..ChunkLimits::default()
                };
                Framing::Chunked(Box::new(ChunkDecoder::new(limits)))
            }
            BodyLength::UntilClose => Framing::UntilClose { is_closed: false },
        };
        Self {
            raw,
            at,
            framing,
            received: 0,
        }
    }

    /// Takes all data that is at hand, without waiting. Chunks that came together are put together.
    pub(crate) fn take_ready(&mut self) -> Result<Ready, BodyFault> {
        let start = self.at;
        let ready = match &mut self.framing {
            Framing::Sized { left } => {
                let at_hand = self.raw.len().saturating_sub(start);
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(at_hand);
                *left -= taken as u64;
                self.at = start + taken;
                Ready {
                    range: start..self.at,
                    is_last: *left == 0,
                }
            }
            Framing::UntilClose { is_closed } => {
                self.at = self.raw.len();
                Ready {
                    range: start..self.at,
                    is_last: *is_closed,
                }
            }
            Framing::Chunked(decoder) => decode(decoder, &mut self.raw, &mut self.at)?,
        };
        self.received += ready.range.len() as u64;
        Ok(ready)
    }

    /// Waits for more. Everything that `take_ready` gave is forgotten.
    pub(crate) async fn fill(
        &mut self,
        reader: &mut ReadHalf,
        slot: &Slot,
    ) -> Result<(), BodyFault> {
        let mut raw = std::mem::take(&mut self.raw);
        if self.at >= raw.len() {
            raw.clear();
        } else {
            raw.drain(..self.at);
        }
        self.at = 0;
        let (result, raw) = reader.read_some(raw, self.room()).await;
        self.raw = raw;
        match result {
            Ok(0) | Err(_) if slot.is_cut() => Err(BodyFault::Late),
            Ok(0) => self.framing.end(),
            Ok(_) => Ok(()),
            Err(_) => Err(BodyFault::Ended),
        }
    }

    /// A sized read never takes a byte of the next message.
    fn room(&self) -> usize {
        match &self.framing {
            Framing::Sized { left } => usize::try_from(*left)
                .unwrap_or(READ_LARGE)
                .clamp(1, READ_LARGE),
            Framing::Chunked(_) if self.received < READ_SMALL as u64 => READ_SMALL,
            _ => READ_LARGE,
        }
    }

    /// Data so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The bytes of a range that `take_ready` gave.
    pub(crate) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.raw.get(range.clone()).unwrap_or_default()
    }

    /// Lends the buffer, for a write without a copy.
    pub(crate) fn lend(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.raw)
    }

    /// Takes a lent buffer back.
    pub(crate) fn take_back(&mut self, raw: Vec<u8>) {
        self.raw = raw;
    }

    /// What came behind the body.
    pub(crate) fn rest(&self) -> &[u8] {
        self.raw.get(self.at..).unwrap_or_default()
    }

    /// The buffer, for its next user.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.raw
    }
}

impl Framing {
    /// The sender has closed.
    fn end(&mut self) -> Result<(), BodyFault> {
        match self {
            Self::UntilClose { is_closed } => {
                *is_closed = true;
                Ok(())
            }
            Self::Sized { .. } | Self::Chunked(_) => Err(BodyFault::Ended),
        }
    }
}

/// Decodes what is at hand and moves the data of all chunks together, at the front.
fn decode(decoder: &mut ChunkDecoder, raw: &mut [u8], at: &mut usize) -> Result<Ready, BodyFault> {
    let start = *at;
    let mut filled = start;
    loop {
        let input = raw.get(*at..).unwrap_or_default();
        match decoder.decode(input).map_err(BodyFault::Refused)? {
            ChunkStep::Data { range, consumed } => {
                let data = *at + range.start..*at + range.end;
                let length = data.len();
                if data.start != filled {
                    raw.copy_within(data, filled);
                }
                filled += length;
                *at += consumed;
            }
            ChunkStep::NeedMore { consumed } => {
                *at += consumed;
                return Ok(Ready {
                    range: start..filled,
                    is_last: false,
                });
            }
            ChunkStep::End { consumed } => {
                *at += consumed;
                return Ok(Ready {
                    range: start..filled,
                    is_last: true,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_that_came_together_are_one_piece_and_the_rest_stays() {
        let raw = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nGET /".to_vec();
        let mut body = Body::new(raw, 0, BodyLength::Chunked, u64::MAX);
        let ready = body.take_ready().unwrap();
        assert!(ready.is_last);
        assert_eq!(body.bytes(&ready.range), b"abcde");
        assert_eq!(body.rest(), b"GET /");
        assert_eq!(body.received(), 5);
    }

    #[test]
    fn a_sized_body_takes_no_byte_of_the_next_message() {
        let mut body = Body::new(b"HEADabcGET".to_vec(), 4, BodyLength::Sized(3), u64::MAX);
        let ready = body.take_ready().unwrap();
        assert!(ready.is_last);
        assert_eq!(body.bytes(&ready.range), b"abc");
        assert_eq!(body.rest(), b"GET");
    }

    #[test]
    fn a_chunked_body_over_its_limit_is_refused() {
        let mut body = Body::new(b"5\r\nabcde\r\n".to_vec(), 0, BodyLength::Chunked, 4);
        match body.take_ready() {
            Err(BodyFault::Refused(refusal)) => assert_eq!(refusal.status(), 413),
            other => panic!("{other:?}"),
        }
    }
}
