"""Frames on their way to one socket.

Owns: what is written next, what waits, how much may be there. Refuses: waiting for the socket, locks.
Invariant: a byte of a large frame is copied by the kernel only, and what a partial write has left is
a view, so the work grows with the bytes and not with their square. Small frames are joined.

Large frames wait until little is pending, so a small answer passes those that wait; once enough have
passed they wait in line, too, so that no large frame starves. `full` says that the peer does not keep
up: whoever owns the socket then neither reads nor starts calls until it is false again.
"""

from __future__ import annotations

from collections import deque

# Joining frames of this size costs less than the place of each in a list of buffers.
SMALL_BYTES_MAX = 16 * 1024
# Large frames enter while less is pending; so much of small ones may pass one that waits.
WINDOW_BYTES = 1024 * 1024
# More than this in all, and the owner stops taking work; it resumes at half of it.
HELD_BYTES_MAX = 32 * 1024 * 1024
_BUFFERS_MAX = 64


class Outbox:
    """What a socket still has to send. Only `put` may run beside another method.

    Whoever knows that a frame is small may append it to `small`, which stays the same object.
    """

    __slots__ = ("full", "held", "pending", "_large", "_passed", "_pieces", "_waiting", "small")

    def __init__(self):
        #: Frames as they came, not counted yet.
        self.small = deque()
        self._large = deque()
        #: (call id, frame) that wait for room.
        self._waiting = deque()
        #: What is written next; the first may be the rest of a frame.
        self._pieces = deque()
        #: Bytes of the pieces, and of the pieces and all that waits.
        self.pending = self.held = 0
        self.full = False
        self._passed = 0

    def put(self, frame, call_id=None):
        """One more frame, to be written or counted soon."""
        if len(frame) < SMALL_BYTES_MAX:
            self.small.append(frame)
        else:
            self._large.append((call_id, frame))

    @property
    def fresh(self):
        """Whether frames came that are neither written nor counted."""
        return self.small or self._large

    def __bool__(self):
        return bool(self.held or self.small or self._large)

    def write(self, sock):
        """Writes until nothing is left (True) or the socket takes no more (False); raises OSError."""
        while True:
            if self.held or self._large:
                self.count()
                if not self._pieces:
                    return True
                if not self._send_pieces(sock):
                    return False
            elif not self.small:
                return True
            else:
                data = self._take_small()
                try:
                    sent = sock.send(data)
                except BlockingIOError:
                    sent = 0
                if sent < len(data):
                    self._append(memoryview(data)[sent:] if sent else data)
                    self._admit()
                    return False

    def count(self):
        """Gives what came its place: next to be written, or in line."""
        if self.small:
            data = self._take_small()
            if self._waiting and self._passed >= WINDOW_BYTES:
                self._waiting.append((None, data))
                self.held += len(data)
            else:
                self._passed += len(data)
                self._append(data)
        while self._large:
            entry = self._large.popleft()
            self._waiting.append(entry)
            self.held += len(entry[1])
        self._admit()

    def drop(self, call_id):
        """Takes the answer of a cancelled call out of the line, when it is still there."""
        self.count()
        for entry in self._waiting:
            if entry[0] == call_id:
                self._waiting.remove(entry)
                self.held -= len(entry[1])
                break
        self._admit()

    def clear(self):
        """Forgets everything: nobody reads it any more."""
        for line in (self.small, self._large, self._waiting, self._pieces):
            line.clear()
        self.pending = self.held = 0
        self.full = False

    def _take_small(self):
        small = self.small
        if len(small) == 1:
            return small.popleft()
        take = small.popleft
        return b"".join([take() for _ in range(len(small))])

    def _append(self, piece):
        self._pieces.append(piece)
        self.pending += len(piece)
        self.held += len(piece)

    def _admit(self):
        waiting = self._waiting
        while waiting and self.pending < WINDOW_BYTES:
            frame = waiting.popleft()[1]
            self._passed = 0
            self._pieces.append(frame)
            self.pending += len(frame)
        if self.held > HELD_BYTES_MAX:
            self.full = True
        elif self.full and self.held <= HELD_BYTES_MAX // 2:
            self.full = False

    def _send_pieces(self, sock):
        """One write of several pieces; whether the socket took all of them."""
        pieces, offered, size = self._pieces, [], 0
        for piece in pieces:
            offered.append(piece)
            size += len(piece)
            if len(offered) == _BUFFERS_MAX or size >= WINDOW_BYTES:
                break
        try:
            sent = sock.sendmsg(offered) if len(offered) > 1 else sock.send(offered[0])
        except BlockingIOError:
            return False
        self.pending -= sent
        self.held -= sent
        left = sent
        for piece in offered:
            if left < len(piece):
                if left:
                    pieces[0] = memoryview(piece)[left:]
                break
            left -= len(piece)
            pieces.popleft()
        self._admit()
        return sent == size
