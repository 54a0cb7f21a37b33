"""How a service waits, spawns and limits time: the seam between services and the loop they run in.

Owns: the operations that differ between greenlets and threads. Refuses: sockets.
Invariant: services never learn which one they run on; the worker installs its own at start, and
outside a worker (tests) plain threads are used.
"""

from __future__ import annotations

import contextvars
import threading
import time
from queue import SimpleQueue

from .exceptions import InvokeTimeout


class ThreadRuntime:
    """Plain threads."""

    def spawn(self, task, call=None):
        """Runs task() beside the caller; log records made there belong to the call."""
        threading.Thread(target=task, name="bascule-async", daemon=True).start()

    def limited(self, seconds, task, call=None):
        """task() or InvokeTimeout when it takes longer; a thread that is late is left alone. Log records belong to the
        call, and context variables are the caller's: a time limit changes nothing of what a service sees.
        """
        answers = SimpleQueue()
        context = contextvars.copy_context()

        def attempt():
            try:
                answers.put((True, context.run(task)))
            except BaseException as error:
                answers.put((False, error))

        self.spawn(attempt, call)
        try:
            done, value = answers.get(timeout=seconds)
        except Exception:
            raise InvokeTimeout(f"no answer within {seconds} s") from None
        if done:
            return value
        raise value

    def sleep(self, seconds):
        """Waits without stopping others."""
        time.sleep(seconds)


active = ThreadRuntime()
