"""One call from frame to frame: the spine of the worker.

Owns: the order parse → run → write → rescue. Refuses: loops and sockets.
Invariant: `answer` returns exactly one frame for a call, whatever the service does, and raises only
`CallCancelled`.
"""

from __future__ import annotations

import sys

from bascule.exceptions import ServiceUnavailable

from .frames import error_frame
from .reply import JSON, encode
from .rescue import error_body, rescue

try:
    from greenlet import GreenletExit as _Exit
except ImportError:
    _Exit = SystemExit

# The most calls in flight in one worker; a core sheds load long before.
IN_FLIGHT_MAX = 8192


class CallCancelled(_Exit):
    """The caller is gone. No `except Exception` of a service catches it."""


class UnknownHandle(ServiceUnavailable):
    """A call for a set that was released or never bound."""


def answer(plans, call) -> bytes:
    """Runs a call and returns its REPLY or ERROR frame."""
    try:
        plan = plans.get(call.head[0])
        if plan is None:
            raise UnknownHandle("The service is being replaced")
        call.plan = plan
        if call.head[4] == 1:
            # At the border, before any code of the user: malformed JSON never reaches a service.
            call.payload()
        response, payload = plan.perform(call)
        return encode(call, response, payload)
    except CallCancelled:
        raise
    except BaseException as error:
        return _rescued(call, error)


def overloaded(call) -> bytes:
    """The answer to a call that is not even started."""
    return rescue(call, ServiceUnavailable("Too many calls in flight", retry_after=1))


def _rescued(call, error):
    try:
        return rescue(call, error)
    except BaseException:
        # Reporting itself failed (memory, recursion): say the least that is true.
        kind = type(error).__name__[:60].encode("utf-8", "replace")
        body = error_body(call.cid, "Internal server error")
        return error_frame(call.id, 500, kind, JSON, b"", b"", body)


def versions():
    """The Python version as HELLO states it."""
    return ".".join(map(str, sys.version_info[:3]))
