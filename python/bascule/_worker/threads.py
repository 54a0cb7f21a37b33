"""The loop without gevent: sockets in the main thread, calls in reused threads.

Owns: the selector and the pool of threads. Refuses: what a call does (`serve`), and how its answer leaves
(`thread_link`).
Invariant: the main thread never runs code of a service, so PING is answered while services compute.
The pool grows only when waiting calls do not move, so short calls stay on few threads; what it grew for cancelled
calls that go on leaves with them.
"""

from __future__ import annotations

import contextvars
import os
import selectors
import signal
import threading
import time
from queue import Empty, SimpleQueue

from bascule import logs, runtime
from bascule.tracebacks import message

from .control import Control, hello
from .frames import ProtocolError
from .serve import IN_FLIGHT_MAX, CallCancelled, answer, overloaded
from .thread_link import Link, end_calls_of_children

_THREADS_MAX = max(1, int(os.environ.get("BASCULE_WORKER_THREADS", "128")))
# Who asks for one thread has code that bears no second one.
_THREADS_FIRST = min(2, _THREADS_MAX)
# Beside the others, for cancelled calls that go on: each may hold memory and a connection of its service.
_LATE_THREADS_MAX = 3 * _THREADS_MAX
# Calls that wait this long without one being taken prove that all threads are busy or blocked.
_STALL_SECONDS = 0.002
# A call that goes on this long after its deadline, or after its client left, will hardly end: its thread, and the CPU
# that it may burn, come back only with another process.
_STUCK_SECONDS = float(os.environ.get("BASCULE_WORKER_STUCK_SECONDS", "30"))
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

_local = threading.local()


def running_call():
    """The call of the running thread, for log records."""
    return getattr(_local, "call", None)


class TrackedThreads(runtime.ThreadRuntime):
    """Plain threads, counted so that the worker does not end before them."""

    def __init__(self, loop):
        self.loop = loop

    def spawn(self, task, call=None):
        """Runs task() beside the caller; log records made there belong to the call."""
        self.loop.begin()
        threading.Thread(target=self._tracked, args=(task, call), daemon=True).start()

    def _tracked(self, task, call):
        _local.call = call
        try:
            task()
        except BaseException as error:
            logs.emit(logs.ERROR, message(error), "bascule.service")
        finally:
            self.loop.finish()


class ThreadLoop:
    """The worker's loop."""

    def __init__(self):
        self.in_flight = 0
        self.stopping = False
        self.queue = SimpleQueue()
        self.threads = 0
        #: Cancelled calls that still run, and since when.
        self._late = {}
        self._told_stuck = False
        self._count = threading.Lock()
        self._wake_read, self._wake_write = os.pipe()
        self._woken = False
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def run(self, registry, control_fd, core_fds):
        """Serves until STOP, SIGTERM or the end of the control socket; returns the exit status."""
        runtime.active = TrackedThreads(self)
        os.register_at_fork(after_in_child=end_calls_of_children)
        self.plans = registry.plans
        self.selector = selectors.DefaultSelector()
        self.control_link = Link(control_fd, self)
        self.control = Control(registry, self.control_link.send, self._beside, self.stop, self._stuck)
        self.cores = [Link(fd, self) for fd in core_fds]
        for link in (self.control_link, *self.cores):
            self.selector.register(link.sock, _READ, link)
        self.selector.register(self._wake_read, _READ, None)
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        self.threads = _THREADS_FIRST
        for _ in range(_THREADS_FIRST):
            self._start_thread()
        self.control_link.send(hello("threads"))
        while not self._finished():
            try:
                self._turn()
            except Exception as error:
                logs.emit(logs.ERROR, f"in the loop: {message(error)}", "bascule.worker")
        return 0

    def _turn(self):
        waiting = self.queue.qsize()
        ready = self.selector.select(_STALL_SECONDS if waiting else None)
        if not ready and waiting and self.queue.qsize() >= waiting:
            self._grow(waiting)
        for key, events in ready:
            link = key.data
            if link is None:
                self._drain_wake()
            else:
                if events & _WRITE:
                    self._on_writable(link)
                if events & _READ and not link.closed:
                    self._on_readable(link)
        for link in (self.control_link, *self.cores):
            self._watch(link)

    def _watch(self, link):
        registered = self.selector.get_map().get(link.sock.fileno()) if not link.closed else None
        if registered is not None and registered.events != link.events() and link.events():
            self.selector.modify(link.sock, link.events(), link)

    def _on_writable(self, link):
        link.waits_to_write = False
        link.flush()

    def _on_readable(self, link):
        try:
            if not link.reader.read(link.sock):
                self._close(link)
            elif link is self.control_link:
                for kind, payload in link.reader.controls():
                    self.control.receive(kind, payload)
            else:
                for item in link.reader.calls(link):
                    if type(item) is int:
                        self._cancel(link, item)
                    else:
                        self._start(link, item)
        except BlockingIOError:
            pass
        except ProtocolError as error:
            logs.emit(logs.ERROR, f"protocol error: {error}", "bascule.worker")
            self._close(link)
        except OSError:
            self._close(link)

    def _close(self, link):
        self.selector.unregister(link.sock)
        for call_id in list(link.calls):
            self._cancel(link, call_id)
        link.close()

    def _start(self, link, call):
        if self.in_flight >= IN_FLIGHT_MAX:
            link.send(overloaded(call))
            return
        self.begin()
        link.calls[call.id] = call
        self.queue.put(call)

    def _cancel(self, link, call_id):
        """A thread cannot be stopped: its result is dropped, and while it goes on the pool may grow by one."""
        call = link.calls.get(call_id)
        if call is not None:
            # In this order, as a thread says `taken` before it looks: one of the two sees the other.
            call.cancelled = True
            if call.taken:
                self._late[call] = time.monotonic()
                if not call.taken:
                    # It ended just now.
                    self._late.pop(call, None)
        if link.calls.pop(call_id, None) is not None:
            return
        if link.outbox.held:
            link.drop(call_id)

    def _stuck(self):
        """How many cancelled calls do not end, told once in the log with their services. While calls wait and no
        thread may be added, each of them counts at once.
        """
        if not self._late:
            return 0
        limit = time.monotonic() - (0 if self._stands_still() else _STUCK_SECONDS)
        stuck = [call for call, since in list(self._late.items()) if since <= limit]
        if stuck and not self._told_stuck:
            self._told_stuck = True
            services = sorted({call.plan.name for call in stuck if call.plan is not None})[:10]
            logs.emit(logs.WARN, "calls go on though nobody waits for them: this worker asks to be replaced",
                      "bascule.worker", {"services": services, "calls": len(stuck)})
        return len(stuck)

    def _stands_still(self):
        """Whether calls wait, cancelled ones hold every thread, and none may be added."""
        held = self.threads == _THREADS_MAX + _LATE_THREADS_MAX and len(self._late) >= self.threads
        return held and not self.queue.empty()

    def _refuse_waiting(self):
        """No thread will come before the end: who waits for one may ask elsewhere."""
        try:
            while True:
                call = self.queue.get_nowait()
                if not call.cancelled and call.link.calls.pop(call.id, None) is call:
                    call.link.send(overloaded(call))
                self.finish()
        except Empty:
            pass

    def _threads_max(self):
        return _THREADS_MAX + min(len(self._late), _LATE_THREADS_MAX)

    def _grow(self, waiting):
        for _ in range(min(waiting, 16)):
            with self._count:
                # Looked at and counted at once: the calls that allow it may be ending.
                if self.threads >= self._threads_max():
                    return
                self.threads += 1
            self._start_thread()
            if self.threads == _THREADS_MAX:
                logs.emit(logs.WARN, "every thread is busy; calls wait", "bascule.worker",
                          {"threads": self.threads})

    def _start_thread(self):
        threading.Thread(target=self._serve, name="bascule-call", daemon=True).start()

    def _is_one_too_many(self):
        """Takes the thread out of the count that was added for a cancelled call, which has ended."""
        with self._count:
            leaves = self.threads > self._threads_max()
            self.threads -= leaves
        return leaves

    def _serve(self):
        """The body of a pooled thread."""
        take, plans = self.queue.get, self.plans
        while True:
            call = take()
            call.taken = True
            if call.link.outbox.full and not call.cancelled:
                call.taken = False
                if call.link.hold(call):
                    continue
                call.taken = True
            if not call.cancelled:
                _local.call = call
                try:
                    # Its own context: what a call sets there must not reach the next one.
                    frame = contextvars.Context().run(answer, plans, call)
                    link = call.link
                    if not call.cancelled and link.calls.pop(call.id, None) is call:
                        link.send(frame, call.id)
                except CallCancelled:
                    pass
                except BaseException as error:
                    logs.emit(logs.ERROR, f"in a thread: {message(error)}", "bascule.worker")
                _local.call = None
            call.taken = False
            was_late = self._late and self._late.pop(call, None)
            call = frame = None
            self.finish()
            if (was_late or self.threads > _THREADS_MAX) and self._is_one_too_many():
                return

    def resume(self, calls):
        """Puts calls that were held back in line."""
        for call in calls:
            self.queue.put(call)

    @staticmethod
    def _beside(task):
        threading.Thread(target=task, name="bascule-import", daemon=True).start()

    def begin(self):
        """One more thing must end before the worker may."""
        with self._count:
            self.in_flight += 1

    def finish(self):
        """One thing less."""
        with self._count:
            self.in_flight -= 1
        if self.stopping:
            self.wake()

    def wake(self):
        """Makes the main thread look again."""
        try:
            os.write(self._wake_write, b"w")
        except BlockingIOError:
            pass

    def _drain_wake(self):
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            pass

    def stop(self):
        """Finishes what runs, then ends."""
        self.stopping = True
        self.wake()

    def _finished(self):
        if self.control_link.closed:
            return True
        if not self.stopping:
            return False
        if self.in_flight and self._stands_still():
            self._refuse_waiting()
        if self.in_flight:
            return False
        for link in self.cores:
            if not link.closed and not link.outbox.full:
                # Calls that had arrived before the end was near are served, too.
                self._on_readable(link)
        return not self.in_flight and not any(link.outbox for link in self.cores if not link.closed)
