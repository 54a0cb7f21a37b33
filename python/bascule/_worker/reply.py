"""From what a service answered to a REPLY frame.

Owns: content types, header checks, serialisation. Refuses: exceptions (`rescue`).
Invariant: no header that a service sets can add a line, a header or a second response.
"""

from __future__ import annotations

import gzip
import re

from bascule.exceptions import OutputError
from bascule.jsonio import dumps
from bascule.model import Model

from .frames import PAYLOAD_BYTES_MAX, REPLY, REPLY_FRAME, reply_frame

JSON = b"application/json"
_TEXT = b"text/plain; charset=utf-8"
_BYTES = b"application/octet-stream"
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# The core frames the message and manages the connection; a service that sets these is ignored.
_FRAMING = frozenset({"connection", "content-length", "keep-alive", "te", "trailer",
                      "transfer-encoding", "upgrade", "proxy-connection"})
_BODY_BYTES_MAX = PAYLOAD_BYTES_MAX - 1024 * 1024
_HEADERS_BYTES_MAX = 256 * 1024
_pack = REPLY_FRAME.pack
_JSON_LENGTH = len(JSON)


def field_value(name, value) -> bytes:
    """A header value as bytes; OutputError when it could break out of its line."""
    text = value if isinstance(value, str) else str(value)
    if _FORBIDDEN.search(text):
        raise OutputError(f"response header {name!r} has a control character in its value")
    return text.strip(" \t").encode("utf-8", "surrogateescape")


def header_block(headers) -> bytes:
    """`name: value CRLF` lines; a list of values makes a line for each."""
    lines = []
    for name, value in headers.items():
        if not isinstance(name, str) or not _NAME.match(name):
            raise OutputError(f"{name!r} is no response header name")
        if name.lower() in _FRAMING:
            continue
        for item in value if isinstance(value, (list, tuple)) else (value,):
            lines.append(b"%s: %s\r\n" % (name.encode(), field_value(name, item)))
    return b"".join(lines)


def encode(call, response, payload) -> bytes:
    """The REPLY frame of a call."""
    kind = type(payload)
    if kind is dict or kind is list:
        body, content_type = dumps(payload), JSON
        assigned = response.__dict__
        if len(assigned) <= 1 and ("payload" in assigned or not assigned):
            # By far the most calls end here: nothing but a payload was set.
            size = len(body)
            if size <= _BODY_BYTES_MAX:
                return _pack(12 + _JSON_LENGTH + size, REPLY, 0, 0, call.id, 200, _JSON_LENGTH, 0,
                             size) + JSON + body
    else:
        body, content_type = _body(call, payload)
    headers = b""
    status = _status(response.status_code)
    if response.content_type:
        content_type = field_value("Content-Type", response.content_type)
    if response.headers:
        headers, content_type = _headers(response.headers, content_type)
    if response.content_encoding:
        encoding = str(response.content_encoding).lower()
        if encoding == "gzip":
            body = gzip.compress(body, 6, mtime=0)
        headers += b"Content-Encoding: %s\r\n" % field_value("Content-Encoding", encoding)
    if len(headers) > _HEADERS_BYTES_MAX or len(content_type) > 1024:
        raise OutputError(f"the answer has {len(headers) + len(content_type)} bytes of headers")
    if len(body) > _BODY_BYTES_MAX:
        raise OutputError(f"the answer has {len(body)} bytes, more than {_BODY_BYTES_MAX}")
    return reply_frame(call.id, status, content_type, headers, body)


def _body(call, payload):
    if isinstance(payload, (dict, list)):
        return dumps(payload), JSON
    if payload is None:
        return b"", b""
    if isinstance(payload, str):
        try:
            return payload.encode(), JSON if call.is_json else _TEXT
        except UnicodeEncodeError:
            raise OutputError("the payload holds a lone surrogate") from None
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload), JSON if call.is_json else _BYTES
    if isinstance(payload, Model):
        return dumps(payload.to_dict()), JSON
    return dumps(payload), JSON


def _headers(headers, content_type):
    own = {name: value for name, value in headers.items()
           if not (isinstance(name, str) and name.lower() == "content-type")}
    if len(own) != len(headers):
        stated = next(value for name, value in headers.items()
                      if isinstance(name, str) and name.lower() == "content-type")
        content_type = field_value("Content-Type", stated)
    return header_block(own), content_type


def _status(status):
    try:
        code = int(status)
    except (TypeError, ValueError):
        raise OutputError(f"{status!r} is no HTTP status") from None
    if not 200 <= code <= 599:
        raise OutputError(f"{code} is no final HTTP status")
    return code
