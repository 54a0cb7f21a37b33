"""Bytes of the worker protocol.

Owns: the layouts of docs/worker-protocol.md and their checks. Refuses: what a frame means.
Invariant: a frame that leaves `FrameReader` adds up, so nothing behind it checks lengths again.
"""

from __future__ import annotations

import struct

from bascule.call import WireCall

CALL, REPLY, ERROR, CANCEL = 1, 2, 3, 4
HELLO, TRIAL, TRIED, BIND, BOUND, RELEASE, PING, PONG, STOP = range(16, 25)

PAYLOAD_BYTES_MAX = 64 * 1024 * 1024
HEAD = struct.Struct("<IBBHI")
CALL_HEAD = struct.Struct("<IIBBBBHHHHHHII")
REPLY_HEAD = struct.Struct("<HHII")
ERROR_HEAD = struct.Struct("<HHHHIII")
REPLY_FRAME = struct.Struct("<IBBHIHHII")
ERROR_FRAME = struct.Struct("<IBBHIHHHHIII")

_READ_BYTES = 256 * 1024


class ProtocolError(Exception):
    """The peer sent something that is no frame; its socket must be closed."""


def reply_frame(call_id, status, content_type, headers, body) -> bytes:
    """A whole REPLY."""
    size = 12 + len(content_type) + len(headers) + len(body)
    head = REPLY_FRAME.pack(size, REPLY, 0, 0, call_id, status, len(content_type), len(headers),
                            len(body))
    return b"".join((head, content_type, headers, body))


def error_frame(call_id, status, kind, content_type, traceback, headers, body) -> bytes:
    """A whole ERROR."""
    size = (20 + len(kind) + len(content_type) + len(traceback) + len(headers) + len(body))
    head = ERROR_FRAME.pack(size, ERROR, 0, 0, call_id, status, len(kind), len(content_type), 0,
                            len(traceback), len(headers), len(body))
    return b"".join((head, kind, content_type, traceback, headers, body))


def control_frame(kind, payload: bytes) -> bytes:
    """A whole control frame."""
    return HEAD.pack(len(payload), kind, 0, 0, 0) + payload


class FrameReader:
    """Bytes of one socket in, frames out; the buffer is reused and grows only for a large frame."""

    __slots__ = ("buffer", "view", "start", "end")

    def __init__(self):
        self.start = self.end = 0
        self._allocate(_READ_BYTES)

    def _allocate(self, size):
        fresh = bytearray(size)
        held = self.end - self.start
        if held:
            fresh[:held] = self.view[self.start : self.end]
        self.start, self.end = 0, held
        self.buffer, self.view = fresh, memoryview(fresh)

    def read(self, sock):
        """One recv; False at end of file. Raises BlockingIOError when there is nothing."""
        if self.start == self.end:
            self.start = self.end = 0
        count = sock.recv_into(self.view[self.end :])
        self.end += count
        return count > 0

    def calls(self, link):
        """All whole frames of a core socket in order: a WireCall for a CALL, the call id as an int for a CANCEL."""
        start, end, view = self.start, self.end, self.view
        frames = []
        unpack, unpack_call = HEAD.unpack_from, CALL_HEAD.unpack_from
        try:
            while end - start >= 12:
                length, kind, _flags, _reserved, call_id = unpack(view, start)
                if length > PAYLOAD_BYTES_MAX:
                    raise ProtocolError(f"a frame of {length} bytes")
                stop = start + 12 + length
                if stop > end:
                    break
                if kind == CALL:
                    if length < 32:
                        raise ProtocolError("a CALL without its head")
                    head = unpack_call(view, start + 12)
                    if 32 + sum(head[6:]) != length or head[2] > 7 or head[4] > 1:
                        raise ProtocolError("a CALL whose lengths do not add up")
                    frames.append(WireCall(link, call_id, head, bytes(view[start + 12 : stop])))
                elif kind == CANCEL and length == 0:
                    frames.append(call_id)
                else:
                    raise ProtocolError(f"kind {kind} on a core socket")
                start = stop
        finally:
            self.start = start
        self._make_room()
        return frames

    def controls(self):
        """All whole frames of the control socket as (kind, payload bytes)."""
        frames = []
        while self.end - self.start >= 12:
            length, kind, _flags, _reserved, _id = HEAD.unpack_from(self.view, self.start)
            if length > PAYLOAD_BYTES_MAX:
                raise ProtocolError(f"a control frame of {length} bytes")
            stop = self.start + 12 + length
            if stop > self.end:
                break
            frames.append((kind, bytes(self.view[self.start + 12 : stop])))
            self.start = stop
        self._make_room()
        return frames

    def _make_room(self):
        """Keeps place for the frame that is arriving, and gives a grown buffer back."""
        held = self.end - self.start
        if held == 0:
            self.start = self.end = 0
            if len(self.buffer) > _READ_BYTES:
                self._allocate(_READ_BYTES)
            return
        needed = _READ_BYTES
        if held >= 12:
            needed = max(needed, 12 + HEAD.unpack_from(self.view, self.start)[0])
        if needed > len(self.buffer):
            self._allocate(needed)
        elif self.start and len(self.buffer) - self.end < _READ_BYTES // 4:
            self.buffer[:held] = bytes(self.view[self.start : self.end])
            self.start, self.end = 0, held
