//! The reading side of a link: one big buffer, as many answers as it holds per read.
//!
//! Owns the buffer; an answer's parts are slices of it, so an answer costs no copy and no allocation. Invariant: what is
//! not a valid REPLY or ERROR ends the link and is reported, before any later byte is looked at.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use dp_codec::frame::{FRAME_HEAD_BYTES, Failed, FrameKind, Reply as ReplyFrame, Split, split};
use monoio::{
    buf::IoBufMut,
    io::{AsyncReadRent, OwnedReadHalf},
};

use super::{Link, State, slots::CallId};
use crate::call::{Raised, Reply};

/// Some hundreds of small answers.
const READ_BYTES: usize = 64 * 1024;
/// Below this much room a fresh buffer is better than a small read. Answers in the old one keep it alive.
const ROOM_BYTES_MIN: usize = 8 * 1024;
/// A large answer's room is made step by step as it really comes, whatever its head claims.
const GROWTH_BYTES_MAX: usize = 4 * 1024 * 1024;

const NOT_A_FRAME: &str = "it sent bytes that are no frame";

pub(super) async fn run(link: Rc<Link>, mut half: OwnedReadHalf<monoio::net::UnixStream>) {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    let mut wanted = FRAME_HEAD_BYTES;
    loop {
        make_room(&mut buffer, wanted);
        let (start, end) = (buffer.len(), buffer.capacity());
        let (read, slice) = half.read(buffer.slice_mut(start..end)).await;
        buffer = slice.into_inner();
        match read {
            Ok(count) if count > 0 => {}
            // Its own end is the supervisor's to explain; a worker that lives and closes a socket is at fault.
            _ if link.state.get() == State::Leaving => return link.close(),
            _ => return link.fault("it closed a core socket"),
        }
        match take_answers(&link, &mut buffer) {
            Ok(more) => wanted = more,
            Err(reason) => return link.fault(reason),
        }
    }
}

/// Gives every whole answer to its call; how many bytes the next one needs in all.
fn take_answers(link: &Link, buffer: &mut BytesMut) -> Result<usize, &'static str> {
    loop {
        let (kind, id, length) = match split(buffer) {
            Ok(Split::Frame(frame)) => (frame.kind, frame.call_id, frame.wire_len()),
            Ok(Split::NeedMore(length)) => return Ok(length),
            Err(_) => return Err(NOT_A_FRAME),
        };
        let whole = buffer.split_to(length).freeze();
        let payload = whole.get(FRAME_HEAD_BYTES..).unwrap_or_default();
        let reply = match kind {
            FrameKind::Reply => replied(&whole, payload),
            FrameKind::Error => raised(&whole, payload),
            _ => None,
        };
        link.answer(CallId::from_wire(id), reply.ok_or(NOT_A_FRAME)?)?;
    }
}

fn replied(whole: &Bytes, payload: &[u8]) -> Option<Reply> {
    let frame = ReplyFrame::parse(payload).ok()?;
    Some(Reply {
        status: frame.status,
        content_type: whole.slice_ref(frame.content_type),
        headers: whole.slice_ref(frame.headers),
        body: whole.slice_ref(frame.body),
        raised: None,
    })
}

fn raised(whole: &Bytes, payload: &[u8]) -> Option<Reply> {
    let frame = Failed::parse(payload).ok()?;
    Some(Reply {
        status: frame.status,
        content_type: whole.slice_ref(frame.content_type),
        headers: whole.slice_ref(frame.headers),
        body: whole.slice_ref(frame.body),
        raised: Some(Raised {
            kind: String::from_utf8_lossy(frame.kind).into_owned(),
            traceback: String::from_utf8_lossy(frame.traceback).into_owned(),
        }),
    })
}

fn make_room(buffer: &mut BytesMut, wanted: usize) {
    let missing = wanted.saturating_sub(buffer.len());
    let room = buffer.capacity() - buffer.len();
    if room < ROOM_BYTES_MIN {
        buffer.reserve(missing.clamp(READ_BYTES, GROWTH_BYTES_MAX));
    }
}
