"""The control socket's conversation.

Owns: what each control frame leads to. Refuses: reading and writing the socket.
Invariant: PING is answered at once by the loop that serves calls; nothing that imports runs in it. The supervisor
replaces a worker whose PONG says that calls are stuck in it.
"""

from __future__ import annotations

import json
import os

from bascule import jsonio
from bascule.tracebacks import message

from . import frames
from .serve import versions

# The supervisor reads no longer control frame.
_ANSWER_BYTES_MAX = 16 * 1024 * 1024


def _encoded(kind, payload):
    return frames.control_frame(kind, json.dumps(payload, ensure_ascii=False,
                                                 separators=(",", ":")).encode("utf-8", "replace"))


def hello(calls) -> bytes:
    """The first frame of a worker."""
    return _encoded(frames.HELLO, {
        "protocol": 1, "pid": os.getpid(), "python": versions(), "calls": calls,
        "json": jsonio.LIBRARY,
    })


class Control:
    """Dispatches control frames.

    `send(frame)` may be called from any greenlet or thread; `beside(task)` runs an import next to
    the loop; `stop()` begins the end; `stuck()` counts the calls that do not end though nobody waits for them.
    """

    def __init__(self, registry, send, beside, stop, stuck=lambda: 0):
        self.registry = registry
        self.send = send
        self.beside = beside
        self.stop = stop
        self.stuck = stuck

    def receive(self, kind, payload):
        """Acts on one frame; raises ProtocolError."""
        if kind == frames.PING:
            stuck = self.stuck()
            if stuck:
                payload = json.dumps({**json.loads(payload), "stuck": stuck}).encode()
            self.send(frames.control_frame(frames.PONG, payload))
            return
        if kind == frames.STOP:
            self.stop()
            return
        try:
            request = json.loads(payload)
            if kind == frames.TRIAL:
                self.beside(lambda: self._answer(frames.TRIED, self.registry.trial, request))
            elif kind == frames.BIND:
                self.beside(lambda: self._answer(frames.BOUND, self.registry.bind, request))
            elif kind == frames.RELEASE:
                self.registry.release(request["set"])
            else:
                raise frames.ProtocolError(f"kind {kind} on the control socket")
        except (ValueError, KeyError, TypeError) as error:
            raise frames.ProtocolError(f"control frame {kind}: {error}") from None

    def _answer(self, kind, act, request):
        try:
            answer = act(request)
        except BaseException as error:
            answer = _failed(request, "", message(error))
        frame = _encoded(kind, answer)
        if len(frame) > _ANSWER_BYTES_MAX:
            file = request.get("package", {}).get("file", "")
            what = f"its description has {len(frame)} bytes, more than {_ANSWER_BYTES_MAX}"
            frame = _encoded(kind, _failed(request, file, what))
        self.send(frame)


def _failed(request, file, what):
    return {"request": request.get("request"),
            "error": {"file": file, "line": 0, "message": what, "traceback": ""}}
