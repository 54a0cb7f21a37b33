"""A socket of the worker without gevent: frames in by the main thread, frames out by whoever has one.

Owns: who writes, and what waits while the peer does not read. Refuses: the selector (`threads`).
Invariant: one thread writes at a time and none waits for another; what others add meanwhile leaves with its writes.
"""

from __future__ import annotations

import _socket
import errno
import os
import selectors
import threading

from .frames import FrameReader
from .outbox import Outbox

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Link:
    """A socket: frames in by the main thread, frames out by whoever has one."""

    def __init__(self, fd, loop):
        self.sock = _socket.socket(fileno=fd)
        self.sock.setblocking(False)
        self.reader = FrameReader()
        self.loop = loop
        self.outbox = Outbox()
        self.closed = False
        self.waits_to_write = False
        self._sending = threading.Lock()
        self.calls = {}
        self._held_calls = []

    def send(self, frame, call_id=None):
        """Writes a frame; frames of other threads that come meanwhile leave with the same write."""
        self.outbox.put(frame, call_id)
        self.flush()

    def flush(self):
        """Whoever holds the lock sends for all; who does not get it may go, it looks again."""
        outbox = self.outbox
        while (outbox.fresh or (outbox.held and not self.waits_to_write)) and not self.closed:
            if not self._sending.acquire(False):
                return
            was_full, blocked, resumed = outbox.full, False, ()
            try:
                if self.waits_to_write:
                    outbox.count()
                elif not outbox.write(self.sock):
                    self.waits_to_write = blocked = True
            except OSError as error:
                if error.errno == errno.ENOTSOCK:
                    # A child that a service forked has come to the end of the call.
                    os._exit(0)
                # The peer is gone; the reading side will see it and close.
                outbox.clear()
            finally:
                if self._held_calls and not outbox.full:
                    resumed, self._held_calls = self._held_calls, []
                self._sending.release()
            self.loop.resume(resumed)
            if blocked or outbox.full is not was_full:
                self.loop.wake()

    def hold(self, call):
        """Keeps a call from starting while the peer does not read; False when it reads again."""
        with self._sending:
            held = self.outbox.full
            if held:
                self._held_calls.append(call)
        self.flush()
        return held

    def drop(self, call_id):
        """Takes a finished answer back that waits behind others."""
        with self._sending:
            self.outbox.drop(call_id)
        self.flush()

    def close(self):
        """Ends the socket; calls that were held end as cancelled ones."""
        with self._sending:
            self.closed = True
            self.outbox.clear()
            held, self._held_calls = self._held_calls, []
        self.sock.close()
        self.loop.resume(held)

    def events(self):
        """What the selector should wait for."""
        events = _WRITE if self.waits_to_write else 0
        return events | (0 if self.outbox.full else _READ)


def end_calls_of_children():
    """A child that a service forked ends where its copy of the call ends."""
    Link.send = lambda *_: os._exit(0)
