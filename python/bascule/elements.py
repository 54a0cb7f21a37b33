"""The element types of input and output declarations.

Owns: how one named value is read from text or JSON and made ready for JSON. Refuses: which elements
a service has (`declaration`). Invariant: `read` returns a value of the element's Python type or
raises ValueError or TypeError; what a client reads about it is `expected`.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import uuid

_UNSET = object()
_TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
_FALSE = frozenset({"false", "0", "no", "off", "f", "n", ""})


class Element:
    """One element: `Int("age")`, optional with a hyphen before its name or with a default."""

    expected = "any value"
    __slots__ = ("name", "required", "default", "has_default")

    def __init__(self, name, default=_UNSET, required=None, **_options):
        optional = name.startswith("-")
        self.name = name[1:] if optional else name
        self.has_default = default is not _UNSET
        self.default = default if self.has_default else None
        self.required = (not optional and not self.has_default) if required is None else required

    def __repr__(self):
        return f"{type(self).__name__}({self.declared!r})"

    @property
    def declared(self):
        """As written: a hyphen marks an optional element."""
        return self.name if self.required else "-" + self.name

    def read(self, value):
        """The Python value of what a client sent."""
        return value

    def write(self, value):
        """What goes into JSON for a value of the service."""
        return value


class AsIs(Element):
    """Passed through untouched."""

    __slots__ = ()


class Text(Element):
    """A string; numbers become their text."""

    expected = "must be text"
    __slots__ = ()

    def read(self, value):
        if isinstance(value, str):
            return value
        if value is None or isinstance(value, (dict, list)):
            raise TypeError
        if isinstance(value, bytes):
            return value.decode()
        return str(value)

    def write(self, value):
        return value if isinstance(value, str) else self.read(value)


class Untyped(Text):
    """An element given by name alone: text, but objects and lists pass as they are."""

    __slots__ = ()

    def read(self, value):
        return value if isinstance(value, (dict, list)) else Text.read(self, value)

    def write(self, value):
        # Only the plain numbers become text, as in Zato; the JSON writer knows the other types.
        return str(value) if type(value) in (int, float) else value


class Secret(Text):
    """Text that must not be logged."""

    __slots__ = ()


class Int(Element):
    """A whole number."""

    expected = "must be a whole number"
    __slots__ = ()

    def read(self, value):
        if isinstance(value, bool):
            raise TypeError
        if isinstance(value, float):
            if not value.is_integer():
                raise ValueError
            return int(value)
        return int(value)

    write = read


class Float(Element):
    """A number."""

    expected = "must be a number"
    __slots__ = ()

    def read(self, value):
        if isinstance(value, bool):
            raise TypeError
        return float(value)

    write = read


class Bool(Element):
    """true or false; also `yes`, `no`, `on`, `off`, `1`, `0`."""

    expected = "must be true or false"
    __slots__ = ()

    def read(self, value):
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise ValueError

    write = read


class Decimal(Element):
    """A decimal number, exact; a string in JSON."""

    expected = "must be a decimal number"
    __slots__ = ()

    def read(self, value):
        if isinstance(value, (bool, dict, list)):
            raise TypeError
        try:
            return decimal.Decimal(str(value))
        except decimal.InvalidOperation:
            raise ValueError from None

    def write(self, value):
        return str(value)


class UUID(Element):
    """A UUID."""

    expected = "must be a UUID"
    __slots__ = ()

    def read(self, value):
        return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))

    def write(self, value):
        return str(self.read(value))


class DateTime(Element):
    """An ISO 8601 date and time."""

    expected = "must be a date and time, ISO 8601"
    __slots__ = ()

    def read(self, value):
        return read_datetime(value)

    def write(self, value):
        return value if isinstance(value, str) else value.isoformat()


class UTC(DateTime):
    """A date and time without a zone, which is UTC."""

    __slots__ = ()

    def read(self, value):
        moment = read_datetime(value)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return moment


class Date(Element):
    """An ISO 8601 date."""

    expected = "must be a date, YYYY-MM-DD"
    __slots__ = ()

    def read(self, value):
        return read_date(value)

    def write(self, value):
        return value if isinstance(value, str) else value.isoformat()


class Dict(Element):
    """An object; further names are the keys that it must have (`-key`: may have)."""

    expected = "must be an object"
    __slots__ = ("keys",)

    def __init__(self, name, *keys, **options):
        super().__init__(name, **options)
        self.keys = keys

    def read(self, value):
        if not isinstance(value, dict):
            raise TypeError
        for key in self.keys:
            if not key.startswith("-") and key not in value:
                raise ValueError(f"must have the key {key!r}")
        return value


class DictList(Element):
    """A list of objects."""

    expected = "must be a list of objects"
    __slots__ = ()

    def read(self, value):
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise TypeError
        return value


class List(Element):
    """A list; one value alone becomes a list of one."""

    expected = "must be a list"
    __slots__ = ()

    def read(self, value):
        if isinstance(value, (list, tuple)):
            return list(value)
        if value is None or isinstance(value, dict):
            raise TypeError
        return [value]

    write = read


class CSV(Element):
    """One line of comma-separated values, a list in Python."""

    expected = "must be comma-separated text"
    __slots__ = ()

    def read(self, value):
        if isinstance(value, list):
            return value
        if not isinstance(value, str):
            raise TypeError
        return next(csv.reader([value]), [])

    def write(self, value):
        if isinstance(value, str):
            return value
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(value)
        return line.getvalue()


def read_datetime(value) -> datetime.datetime:
    """ISO 8601 text to datetime, `Z` included (which Python 3.10 does not read itself)."""
    if isinstance(value, datetime.datetime):
        return value
    if not isinstance(value, str):
        raise TypeError
    return datetime.datetime.fromisoformat(value[:-1] + "+00:00" if value[-1:] in "Zz" else value)


def read_date(value) -> datetime.date:
    """ISO 8601 text to date; of a date and time only the date is taken."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    if not isinstance(value, str):
        raise TypeError
    if len(value) > 10:
        return read_datetime(value).date()
    return datetime.date.fromisoformat(value)


Any = Nested = Opaque = AsIs
Integer = Int
Unicode = Text
ListOfDicts = DictList
Boolean = Bool
