"""Model: typed, nested input and output.

Owns: reading a dict into a Model by its annotations, and back. Refuses: where the dict comes from.
Invariant: `from_dict` names the element that is missing or wrong by its path (`/lines[0]/sku`).

    @dataclass(init=False)          # optional
    class Line(Model):
        sku: str
        quantity: int = 1

    class Order(Model):
        customer: str
        note: optional[str]
        lines: list_[Line]
"""

from __future__ import annotations

import copy
import dataclasses
import datetime
import decimal
import enum
import sys
import types
import typing
import uuid

from . import elements
from .exceptions import ElementInvalid, ElementMissing
from .jsonio import dumps, loads

_NOTHING = object()
_BY_TYPE = {
    str: elements.Text("-"),
    int: elements.Int("-"),
    float: elements.Float("-"),
    bool: elements.Bool("-"),
    decimal.Decimal: elements.Decimal("-"),
    uuid.UUID: elements.UUID("-"),
    datetime.datetime: elements.DateTime("-"),
    datetime.date: elements.Date("-"),
}


class ModelContext:
    """What `after_created` receives: the service and the dict that the model was read from."""

    __slots__ = ("service", "data")

    def __init__(self, service, data):
        self.service = service
        self.data = data


class Model:
    """Base of typed input and output; `optional[…]` or a default makes an attribute optional."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # Kept because old and new versions of a module live side by side: sys.modules knows one.
        frame = sys._getframe(1)
        while frame.f_globals.get("__name__") != cls.__module__ and frame.f_back is not None:
            frame = frame.f_back
        cls._globals = frame.f_globals
        cls._locals = None if frame.f_locals is frame.f_globals else frame.f_locals
        cls._fields = None

    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)

    def __repr__(self):
        return f"{type(self).__name__}({self.__dict__!r})"

    def __eq__(self, other):
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None

    def after_created(self, ctx):
        """Called after the model was read from input; override to check or fill."""

    @classmethod
    def from_dict(cls, data, service=None, path=""):
        """Reads a dict; extra keys are ignored. Raises ElementMissing or ElementInvalid."""
        if isinstance(data, cls):
            return data
        if not isinstance(data, dict):
            raise ElementInvalid(path or "/", "must be an object")
        self = cls.__new__(cls)
        for name, convert, default in cls._compiled():
            value = data.get(name, _NOTHING)
            if value is _NOTHING:
                if default is _NOTHING:
                    raise ElementMissing(f"{path}/{name}")
                setattr(self, name, default() if callable(default) else default)
            else:
                setattr(self, name, convert(value, f"{path}/{name}", service))
        if cls.after_created is not Model.after_created:
            self.after_created(ModelContext(service, data))
        return self

    @classmethod
    def from_json(cls, data):
        """Reads JSON text or bytes."""
        return cls.from_dict(loads(data.encode() if isinstance(data, str) else data))

    def to_dict(self):
        """A dict of the declared attributes that are set, nested Models turned too."""
        values = {}
        for name, _convert, default in self._compiled():
            value = getattr(self, name, _NOTHING)
            if value is _NOTHING:
                if default is _NOTHING:
                    continue
                value = default() if callable(default) else default
            values[name] = _plain(value)
        return values

    def to_json(self):
        """Compact JSON text."""
        return dumps(self.to_dict()).decode()

    def clone(self):
        """A copy that shares nothing that a Model owns."""
        return type(self).from_dict(self.to_dict())

    @classmethod
    def declared(cls):
        """Element names, a hyphen before the optional ones."""
        return [name if default is _NOTHING else "-" + name
                for name, _convert, default in cls._compiled()]

    @classmethod
    def _compiled(cls):
        fields = cls.__dict__.get("_fields")
        if fields is None:
            fields = cls._fields = tuple(_compile(cls))
        return fields


def _plain(value):
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _compile(cls):
    hints = {}
    for base in reversed(cls.__mro__):
        own = base.__dict__.get("__annotations__", {})
        if base is not Model and isinstance(base, type) and issubclass(base, Model):
            own = getattr(base, "__annotations__", own)
            for name, hint in own.items():
                hints[name] = _resolve(hint, base)
    for name, hint in hints.items():
        if name.startswith("_") or typing.get_origin(hint) is typing.ClassVar:
            continue
        default = _default_of(cls, name)
        if default is _NOTHING and _is_optional(hint):
            default = None
        yield name, converter(hint), default


def _resolve(hint, base):
    if isinstance(hint, str):
        return eval(hint, base._globals, base._locals or {})  # noqa: S307 - the author's own text
    return hint


def _default_of(cls, name):
    value = getattr(cls, "__dataclass_fields__", {}).get(name, getattr(cls, name, _NOTHING))
    if isinstance(value, dataclasses.Field):
        if value.default_factory is not dataclasses.MISSING:
            return value.default_factory
        value = _NOTHING if value.default is dataclasses.MISSING else value.default
    if isinstance(value, (list, dict, set, Model)):
        # Each Model has its own, whatever it holds.
        return lambda: copy.deepcopy(value)
    return value


def _is_optional(hint):
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return union and type(None) in typing.get_args(hint)


def converter(hint):
    """A function (value, path, service) → value for one annotation."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _optional_converter(arguments)
    if origin is typing.Annotated:
        return converter(arguments[0])
    if origin is list or hint is list:
        return _list_converter(converter(arguments[0]) if arguments else None)
    if origin is dict or hint is dict:
        return _checked(dict, "must be an object")
    if origin is typing.Literal:
        return _literal_converter(arguments)
    if isinstance(hint, type):
        if issubclass(hint, Model):
            return lambda value, path, service: hint.from_dict(value, service, path)
        if issubclass(hint, enum.Enum):
            return _call_converter(hint, "must be one of " + ", ".join(str(m.value) for m in hint))
        if hint in _BY_TYPE:
            element = _BY_TYPE[hint]
            return _call_converter(element.read, element.expected)
    return lambda value, path, service: value


def _call_converter(read, expected):
    def convert(value, path, _service):
        if value is None:
            raise ElementInvalid(path, expected)
        try:
            return read(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise ElementInvalid(path, str(error) if not expected else expected) from None

    return convert


def _checked(kind, expected):
    def convert(value, path, _service):
        if not isinstance(value, kind):
            raise ElementInvalid(path, expected)
        return value

    return convert


def _literal_converter(choices):
    expected = "must be one of " + ", ".join(map(str, choices))

    def convert(value, path, _service):
        if value not in choices:
            raise ElementInvalid(path, expected)
        return value

    return convert


def _optional_converter(arguments):
    choices = [converter(hint) for hint in arguments if hint is not type(None)]
    may_be_none = type(None) in arguments

    def convert(value, path, service):
        if value is None and may_be_none:
            return None
        for number, choice in enumerate(choices, 1):
            try:
                return choice(value, path, service)
            except (ElementMissing, ElementInvalid):
                if number == len(choices):
                    raise

    return convert


def _list_converter(item_converter):
    def convert(value, path, service):
        if not isinstance(value, (list, tuple)):
            raise ElementInvalid(path, "must be a list")
        if item_converter is None:
            return list(value)
        return [item_converter(item, f"{path}[{index}]", service)
                for index, item in enumerate(value)]

    return convert
