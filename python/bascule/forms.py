"""Query strings and forms.

Owns: their fields, URL-encoded or multipart, and how many there may be. Refuses: which of them a service reads.
Invariant: the time grows with the length alone, and no more than `FIELDS_MAX` fields are ever made: this reads what
anybody may send. The standard library's mail parser is not used for that reason: it takes nested and malformed parts
apart for a long time, and a file that is itself a message it gives back as nothing.
"""

from __future__ import annotations

import binascii
import quopri
import re
from urllib.parse import parse_qsl, unquote

from .exceptions import BadRequest

# As Django and PHP allow; a service that takes more of them takes a document.
FIELDS_MAX = 1_000
TOO_MANY_FIELDS = f"more than {FIELDS_MAX} fields in a form or query"
# Of one part: a name, a file name and two types.
_PART_HEAD_BYTES_MAX = 8 * 1024

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_PARAMETER = re.compile(r';\s*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))', re.DOTALL)
_ESCAPE = re.compile(r'\\(["\\])')


def parse_pairs(text: str) -> dict:
    """A query string or form; a name that comes more than once gets a list. Raises `BadRequest` beyond `FIELDS_MAX`."""
    if text.count("&") >= FIELDS_MAX:
        raise BadRequest(TOO_MANY_FIELDS)
    values = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
        _add(values, name, value)
    return values


def parse_form(body: bytes, content_type: str) -> dict:
    """A form, URL-encoded or multipart; a file is a dict of filename, content_type and data. A name that comes more than
    once gets a list. Raises `BadRequest` for a multipart form that is none, and beyond `FIELDS_MAX`.
    """
    kind, parameters = _with_parameters(content_type)
    if kind != "multipart/form-data":
        return parse_pairs(body.decode("utf-8", "replace"))
    boundary = parameters.get("boundary")
    if not boundary:
        raise BadRequest("a multipart form without boundary")
    values = {}
    for start, end in _parts(body, boundary.encode("utf-8", "surrogateescape")):
        head, data = _split(body, start, end)
        _kind, disposition = _with_parameters(head.get("content-disposition", ""))
        name, file = disposition.get("name"), disposition.get("filename")
        if name is None:
            continue
        data = _decoded(data, head.get("content-transfer-encoding", "").strip().lower())
        if file is None:
            _add(values, name, data.decode("utf-8", "replace"))
        else:
            kind = _with_parameters(head.get("content-type", ""))[0] or "text/plain"
            _add(values, name, {"filename": file, "content_type": kind, "data": data})
    return values


def _add(values, name, value):
    earlier = values.get(name)
    if isinstance(earlier, list):
        earlier.append(value)
    else:
        values[name] = value if earlier is None else [earlier, value]


def _parts(body, boundary):
    """Where each part begins, with the end of its delimiter line, and ends. A last one without its end is taken."""
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    start, found = None, []
    for delimiter in line.finditer(body):
        if start is not None:
            found.append((start, delimiter.start()))
        start = None if delimiter[1] else delimiter.end()
        if start is None:
            break
        if len(found) == FIELDS_MAX:
            raise BadRequest(TOO_MANY_FIELDS)
    if start is not None:
        found.append((start, len(body)))
    return found


def _split(body, start, end):
    """The header fields of a part, and its data."""
    blank = _HEAD_END.search(body, start, min(end, start + _PART_HEAD_BYTES_MAX))
    if blank is None and end - start > _PART_HEAD_BYTES_MAX:
        raise BadRequest(f"a part of the form has a head of more than {_PART_HEAD_BYTES_MAX} bytes")
    head_end, data_start = blank.span() if blank else (end, end)
    lines = _FOLD.sub(" ", body[start:head_end].decode("utf-8", "replace")).split("\n")
    fields = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _colon, value in fields}, body[data_start:end]


def _with_parameters(value):
    """`form-data; name="a"` as its first word and the parameters."""
    parameters = {}
    for name, quoted, plain in _PARAMETER.findall(value):
        name, text = name.lower(), _ESCAPE.sub(r"\1", quoted) or plain
        if name.endswith("*") and text.count("'") >= 2:
            # RFC 2231, as some libraries write what is not ASCII.
            charset, _language, text = text.split("'", 2)
            name, text = name[:-1], _percent_decoded(text, charset)
        parameters.setdefault(name, text)
    return value.partition(";")[0].strip().lower(), parameters


def _percent_decoded(text, charset):
    try:
        return unquote(text, charset or "utf-8", "replace")
    except LookupError:
        return unquote(text)


def _decoded(data, encoding):
    if encoding == "base64":
        try:
            return binascii.a2b_base64(data)
        except binascii.Error:
            return data
    return quopri.decodestring(data) if encoding == "quoted-printable" else data
