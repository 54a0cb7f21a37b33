"""From an exception to an ERROR frame: the only place that does.

Owns: which status and text a client gets. Refuses: success.
Invariant: only `Reportable` errors speak to the client; of every other exception the client reads
"Internal server error" and the cid, while kind and traceback go to the log and the control plane.
"""

from __future__ import annotations

import json

from bascule import logs
from bascule.exceptions import Reportable
from bascule.tracebacks import message, render, shortened

from .frames import error_frame
from .reply import JSON, header_block

_INTERNAL = "Internal server error"
_KIND_CHARS_MAX = 60
# Structured details (a list of what is wrong with each element) may be longer than a text.
_DETAILS_BYTES_MAX = 64 * 1024
_HEADERS_BYTES_MAX = 64 * 1024


def _written(cid, details):
    return json.dumps({"result": "Error", "cid": cid, "details": details}, ensure_ascii=False,
                      separators=(",", ":"), default=str).encode("utf-8", "replace")


def error_body(cid, details) -> bytes:
    """The error body that Zato's clients know; details that are very long are cut."""
    if isinstance(details, str):
        return _written(cid, shortened(details))
    body = _written(cid, details)
    return body if len(body) <= _DETAILS_BYTES_MAX else _written(cid, shortened(str(details)))


def rescue(call, error: BaseException) -> bytes:
    """The ERROR frame of a call whose service raised; logs what is our side's fault."""
    status, details, headers = 500, _INTERNAL, b""
    if isinstance(error, Reportable):
        status, details, headers = _reported(error)
    traceback = b""
    if status >= 500:
        text = render(error)
        traceback = text.encode("utf-8", "replace")
        logs.emit(logs.ERROR, message(error), "bascule.service", {"traceback": text}, call)
    kind = type(error).__name__[:_KIND_CHARS_MAX].encode("utf-8", "replace")
    return error_frame(call.id, status, kind, JSON, traceback, headers,
                       error_body(call.cid, details))


def _reported(error):
    status = error.status if isinstance(error.status, int) else 500
    if not 400 <= status <= 599:
        status = 500
    try:
        headers = header_block(error.headers) if error.headers else b""
    except Exception as problem:
        logs.emit(logs.ERROR, message(problem), "bascule.service")
        return 500, _INTERNAL, b""
    if len(headers) > _HEADERS_BYTES_MAX:
        logs.emit(logs.ERROR, f"{len(headers)} bytes of headers in an error", "bascule.service")
        return 500, _INTERNAL, b""
    return status, error.details, headers
