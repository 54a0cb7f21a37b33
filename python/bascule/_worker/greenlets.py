"""The loop on gevent: every call in a pooled greenlet, all I/O in the hub.

Owns: watchers, the pool of greenlets, flushing. Refuses: what a call does (`serve`).
Invariant: the hub switches straight into a greenlet and gets control back when the call blocks or
ends, so a call that does not block costs two switches, no callback and no new greenlet. Replies
gather per socket and leave in one write per turn of the loop.
"""

from __future__ import annotations

import _socket
from collections import deque

import gevent
from gevent import get_hub
from gevent.event import Event
from greenlet import getcurrent, greenlet

from bascule import logs, runtime
from bascule.call import WireCall
from bascule.exceptions import InvokeTimeout
from bascule.tracebacks import message

from .control import Control, hello
from .frames import FrameReader, ProtocolError
from .outbox import SMALL_BYTES_MAX, Outbox
from .serve import IN_FLIGHT_MAX, CallCancelled, answer, overloaded

_IDLE_MAX = 256
_READ, _WRITE = 1, 2
LIBRARY = f"gevent {gevent.__version__}"


class CallGreenlet(greenlet):
    """A greenlet that serves one call after the other."""

    __slots__ = ("call",)


def running_call():
    """The call of the running greenlet, for log records."""
    return getattr(getcurrent(), "call", None)


class GreenletRuntime:
    """What services use to wait and spawn."""

    def spawn(self, task, call=None):
        """Runs task() beside the caller; log records made there belong to the call."""
        loop.begin()
        gevent.spawn(self._tracked, task, call)

    @staticmethod
    def _tracked(task, call):
        getcurrent().call = call
        try:
            task()
        except BaseException as error:
            logs.emit(logs.ERROR, message(error), "bascule.service", None, running_call())
        finally:
            loop.finish()

    def limited(self, seconds, task, call=None):
        """task() in this greenlet, whose call logs, or InvokeTimeout when it takes longer."""
        limit = gevent.Timeout(seconds)
        limit.start()
        try:
            return task()
        except gevent.Timeout as late:
            if late is not limit:
                raise
            raise InvokeTimeout(f"no answer within {seconds} s") from None
        finally:
            limit.close()

    def sleep(self, seconds):
        """Waits without stopping others."""
        gevent.sleep(seconds)


class Link:
    """A socket in the hub: frames in, gathered frames out."""

    def __init__(self, fd):
        self.sock = _socket.socket(fileno=fd)
        self.sock.setblocking(False)
        self.reader = FrameReader()
        self.outbox = Outbox()
        self._gather = self.outbox.small.append
        self.waits_to_write = False
        self.gathering = False
        self.closed = False
        hub_loop = get_hub().loop
        self._run_soon = hub_loop.run_callback
        self._readable = hub_loop.io(fd, _READ)
        self._writable = hub_loop.io(fd, _WRITE)
        self._readable.start(self.on_readable)

    def send(self, frame, call_id=None):
        """Adds a frame to what leaves at the end of this turn; a large one leaves at once."""
        if len(frame) < SMALL_BYTES_MAX:
            self._gather(frame)
            if not self.gathering:
                self.gathering = True
                self._run_soon(self.flush_gathered)
        else:
            self.outbox.put(frame, call_id)
            self.flush()

    def flush_gathered(self):
        """The end of a turn in which frames gathered."""
        self.gathering = False
        self.flush()

    def on_writable(self):
        """The socket takes bytes again."""
        self.waits_to_write = False
        self._writable.stop()
        self.flush()

    def flush(self):
        """Writes what there is; what the socket does not take waits, and the hub does not."""
        if self.closed:
            return
        outbox = self.outbox
        if self.waits_to_write:
            outbox.count()
        else:
            try:
                written = outbox.write(self.sock)
            except OSError:
                # Not now: this may be in the middle of starting calls.
                outbox.clear()
                self._run_soon(self.close)
                return
            if not written:
                self.waits_to_write = True
                self._writable.start(self.on_writable)
        if outbox.full:
            # A peer that does not read gets no more calls served.
            self._readable.stop()
        elif not self._readable.active:
            self._readable.start(self.on_readable)
            self._run_soon(self.resume)
        if loop.stopping and not outbox:
            self._run_soon(loop.check_finished)

    def resume(self):
        """There is room again; calls that were held go on."""

    def on_readable(self):
        """Reads once and acts on every whole frame."""
        try:
            if not self.reader.read(self.sock):
                return self.close()
            self.receive()
        except BlockingIOError:
            pass
        except ProtocolError as error:
            logs.emit(logs.ERROR, f"protocol error: {error}", "bascule.worker")
            self.close()
        except OSError:
            self.close()
        return None

    def close(self):
        """Ends this socket."""
        if not self.closed:
            self.closed = True
            self._readable.stop()
            self._writable.stop()
            self.outbox.clear()
            self.sock.close()
            self.on_closed()


class ControlLink(Link):
    """The supervisor's socket; its end is the end of the worker."""

    def receive(self):
        """Acts on control frames."""
        for kind, payload in self.reader.controls():
            loop.control.receive(kind, payload)

    def on_closed(self):
        """The node is gone."""
        loop.abandon()


class CoreLink(Link):
    """A core's socket."""

    def __init__(self, fd):
        super().__init__(fd)
        self.parked = {}
        #: Calls that may not start while the peer does not read.
        self.held = deque()

    def receive(self):
        """Starts every call that has arrived; those that do not block are done afterwards."""
        self._begin(self.reader.calls(self))

    def resume(self):
        """Starts calls that were held, as far as there is room."""
        if self.held and not self.closed:
            held, self.held = self.held, deque()
            self._begin(held)

    def _begin(self, items):
        earlier, self.gathering = self.gathering, True
        outbox = self.outbox
        try:
            for item in items:
                if type(item) is int:
                    self.cancel(item)
                elif outbox.full or self.held:
                    self.held.append(item)
                else:
                    loop.start(item)
        finally:
            self.gathering = earlier
        if not earlier:
            self.flush()

    def cancel(self, call_id):
        """Kills the greenlet of a call that still runs; takes back what has not left."""
        call = self.parked.pop(call_id, None)
        if call is not None:
            call.cancelled = True
            call.greenlet.throw(CallCancelled)
        elif self.held or self.outbox.held:
            self.held = deque(call for call in self.held if call.id != call_id)
            self.outbox.drop(call_id)

    def on_closed(self):
        """Nobody waits for these calls any more."""
        self.held.clear()
        for call_id in list(self.parked):
            self.cancel(call_id)


class Loop:
    """The worker's loop."""

    def __init__(self):
        self.in_flight = 0
        self.stopping = False
        self.status = 0
        self.ended = None

    def run(self, registry, control_fd, core_fds):
        """Serves until STOP, SIGTERM or the end of the control socket; returns the exit status."""
        self.hub = get_hub()
        self.ended = Event()
        self.idle = []
        self.plans = registry.plans
        runtime.active = GreenletRuntime()
        self.control_link = ControlLink(control_fd)
        self.cores = [CoreLink(fd) for fd in core_fds]
        self.control = Control(registry, self.control_link.send, gevent.spawn, self.stop)
        self.control_link.send(hello(LIBRARY))
        terminated = self.hub.loop.signal(15)
        terminated.start(self.stop)
        while not self.ended.is_set():
            try:
                self.ended.wait()
            except BaseException as error:
                # gevent hands SystemExit of stray greenlets to the main one.
                logs.emit(logs.WARN, f"ignored in the loop: {message(error)}", "bascule.worker")
        return self.status

    def start(self, call):
        """Runs a call until it ends or blocks."""
        if self.in_flight >= IN_FLIGHT_MAX:
            call.link.send(overloaded(call))
            return
        self.in_flight += 1
        idle = self.idle
        if idle:
            idle.pop().switch(call)
        else:
            CallGreenlet(self._serve, self.hub).switch(call)
        if call.greenlet is not None:
            call.parked = True
            call.link.parked[call.id] = call

    def _serve(self, call):
        """The body of a pooled greenlet; switches to the hub between calls."""
        this, hub, plans = getcurrent(), self.hub, self.plans
        to_hub = greenlet.switch
        while True:
            call.greenlet = this
            this.call = call
            try:
                frame = answer(plans, call)
            except CallCancelled:
                frame = None
            call.greenlet = this.call = None
            if call.parked:
                call.link.parked.pop(call.id, None)
            if not call.cancelled and frame is not None:
                call.link.send(frame, call.id)
            self.finish()
            # What a call has put into context variables must not reach the next one.
            this.gr_context = None
            if call.cancelled or len(self.idle) >= _IDLE_MAX:
                return
            self.idle.append(this)
            call = frame = None
            try:
                call = to_hub(hub)
                while type(call) is not WireCall:
                    call = to_hub(hub)
            except BaseException:
                # A stale timer of an earlier call; this greenlet is not used again.
                if this in self.idle:
                    self.idle.remove(this)
                return

    def begin(self):
        """One more thing must end before the worker may."""
        self.in_flight += 1

    def finish(self):
        """One thing less."""
        self.in_flight -= 1
        if self.stopping:
            self.hub.loop.run_callback(self.check_finished)

    def stop(self):
        """Finishes what runs, then ends."""
        self.stopping = True
        self.hub.loop.run_callback(self.check_finished)

    def check_finished(self):
        """Ends once nothing runs and nothing waits to be written."""
        if not self.stopping or self.in_flight or self.ended.is_set():
            return
        for link in self.cores:
            if not link.closed and not link.outbox.full:
                # Calls that had arrived before the end was near are served, too.
                link.on_readable()
        if not self.in_flight and not any(link.outbox or link.held for link in self.cores if not link.closed):
            self.ended.set()

    def abandon(self):
        """Ends now: the node is gone and nobody reads the answers."""
        self.stopping = True
        self.ended.set()


loop = Loop()
