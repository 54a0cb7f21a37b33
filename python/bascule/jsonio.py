"""JSON in and out, the same with orjson and without.

Owns: parsing with positions, the depth limit, writing of what services answer. Refuses: deciding a
status. Invariant: orjson is only a faster way to the same result: whatever it refuses or would read
differently (very long integers, its own error texts) goes through the standard library.

Policies: of duplicate keys the last one wins, as with both libraries and in Zato; NaN and Infinity are refused in,
written as null, and a number beyond the range of a double is one of these once it is read;
dates are ISO 8601, UUID and Decimal strings; depth is at most `DEPTH_MAX`.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import math
import os
import re
import uuid
from itertools import accumulate

from .exceptions import JSONValidationException, OutputError

# serde_json's default: deeper nesting is an attack or a mistake, and recursion costs stack.
DEPTH_MAX = 128

try:
    if os.environ.get("BASCULE_WORKER_JSON") == "json":
        raise ImportError
    import orjson
except ImportError:
    orjson = None

_orjson_loads = orjson.loads if orjson else None
LIBRARY = f"orjson {orjson.__version__}" if orjson else "json"

# Of text without escapes. Nothing in it repeats what repeats: an end that is missing costs one look.
_STRING = re.compile(rb'"[^"]*"')
_OTHERS = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_SQUARE = bytes.maketrans(b"{}", b"[]")
# As signed bytes: one level in, one level out.
_STEPS = bytes.maketrans(b"[]", b"\x01\xff")
# What is nested no deeper than this, nearly everything, is judged by copies of its brackets alone.
_SHALLOW = 8
# An integer of 19 digits may not fit 64 bits; orjson would make a float of it. Looking for
# them this way takes a tenth of the time of a regular expression.
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_INTEGER = b"0" * 19
_BOM = b"\xef\xbb\xbf"


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_scan = _decoder.scan_once


def _too_deep(body: bytes) -> bool:
    """Whether it nests too deeply. All in C, in time and memory that grow with the body alone, whatever is in it:
    this runs before anything has said that the body is JSON. Malformed text is judged by its brackets.
    """
    quoted = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_SQUARE, _OTHERS)
    # Two quotes in a row change nothing of what is inside a string; most strings are gone by that.
    brackets = rest = _STRING.sub(b"", quoted.replace(b'""', b"")).replace(b'"', b"")
    for _ in range(_SHALLOW):
        rest = rest.replace(b"[]", b"")
        if not rest:
            return False
    steps = memoryview(brackets.translate(_STEPS)).cast("b")
    return max(accumulate(steps), default=0) > DEPTH_MAX


def _loads_std(body: bytes):
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise JSONValidationException(f"Invalid JSON: not UTF-8 at byte {error.start}") from None
    try:
        try:
            value, end = _scan(text, 0)
            if end == len(text):
                return _without_surrogates(value, body)
        except StopIteration:
            pass
        return _without_surrogates(_decoder.decode(text), body)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise JSONValidationException(f"Invalid JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise JSONValidationException(f"Invalid JSON: deeper than {DEPTH_MAX} levels") from None
    except ValueError as error:
        raise JSONValidationException(f"Invalid JSON: {error}") from None


def _without_surrogates(value, body):
    if b"\\ud" in body or b"\\uD" in body:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("a surrogate escape without its pair") from None
    return value


def loads(body: bytes):
    """Parses UTF-8 JSON; raises `JSONValidationException` that names line and column."""
    if len(body) > 2 * DEPTH_MAX and body.count(b"[") + body.count(b"{") > DEPTH_MAX:
        if _too_deep(body):
            raise JSONValidationException(f"Invalid JSON: deeper than {DEPTH_MAX} levels")
    if orjson is not None and _LONG_INTEGER not in body.translate(_DIGITS):
        try:
            return _orjson_loads(body)
        except ValueError:
            pass
    return _loads_std(body[3:] if body[:3] == _BOM else body)


def _default(value):
    """What the JSON writers do not know themselves."""
    to_dict = getattr(value, "to_dict", None)
    if to_dict is not None:
        return to_dict()
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, decimal.Decimal)):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return list(value)
    kind = type(value)
    raise TypeError(f"{kind.__module__}.{kind.__qualname__} cannot be written as JSON")


def _encoder():
    """json.JSONEncoder.encode builds its C encoder anew for every value; one that keeps no marks of
    what it is in can be shared by all calls and threads, and takes half the time. Circles then end
    as RecursionError.
    """
    make = json.encoder.c_make_encoder
    if make is None:
        return json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False,
                                check_circular=False, default=_default).encode
    parts = make(None, _default, json.encoder.encode_basestring, None, ":", ",", False, False, False)
    return lambda value: "".join(parts(value, 0))


_encode = _encoder()


def _finite(value):
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return _finite(_default(value))


def _dumps_std(value) -> bytes:
    try:
        try:
            return _encode(value).encode()
        except ValueError as error:
            if not str(error).startswith("Out of range float"):
                raise
            return _encode(_finite(value)).encode()
    except TypeError as error:
        raise OutputError(_named(error)) from None
    except RecursionError:
        raise OutputError("the payload is nested too deeply to be written as JSON") from None
    except UnicodeEncodeError:
        raise OutputError("the payload holds a lone surrogate, which UTF-8 cannot carry") from None
    except ValueError as error:
        raise OutputError(f"the payload cannot be written as JSON: {error}") from None


def _named(error):
    text = str(error)
    return f"the payload cannot be written as JSON: {text}"


if orjson is None:
    dumps = _dumps_std
else:
    _OPTIONS = (
        orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
    )

    def dumps(value) -> bytes:
        """Compact UTF-8 JSON; raises `OutputError` that names the type that cannot be written."""
        try:
            return orjson.dumps(value, _default, _OPTIONS)
        except TypeError:
            # Integers beyond 64 bits, keys that are numbers: the standard library decides.
            return _dumps_std(value)


dumps_std = _dumps_std
loads_std = _loads_std
