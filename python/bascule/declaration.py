"""Input and output declarations of a service class, compiled once.

Owns: the short form (`input = "a", "-b", Int("c")`), the full form (`class SimpleIO`) and Models;
how input is read and how output is written. Refuses: HTTP. Invariant: a compiled declaration does
not change, so it is shared by all calls of a service.

Of input that comes from several places path parameters win over the query, the query over the body.
A missing optional element is None (null in output) unless a default says otherwise.
"""

from __future__ import annotations

import copy

from . import autotype, elements
from .exceptions import BadRequest, ElementInvalid, ElementMissing, ModelValidationError, OutputError
from .model import Model

_MISSING = object()
_BY_KIND = {
    "text": elements.Untyped,
    "int": elements.Int,
    "bool": elements.Bool,
    "secret": elements.Secret,
}


class require_any:
    """`input = require_any("email", "phone")`: at least one of these must be there."""

    def __init__(self, *names):
        self.names = names


class Input(dict):
    """Declared input: `input.name`, `input["name"]`, `input.get("name")`."""

    __slots__ = ()

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no input element {name!r}") from None

    def __setattr__(self, name, value):
        self[name] = value

    def to_dict(self):
        """A plain dict."""
        return dict(self)


def _default_of(item):
    """A container is each call's own: what one caller puts into it is nobody else's."""
    default = item.default
    return copy.deepcopy(default) if isinstance(default, (list, dict, set)) else default


def _element(item, auto_typing, default=_MISSING, required=None):
    if isinstance(item, elements.Element):
        # The author's object may stand in other declarations, too.
        item = copy.copy(item)
        if default is not _MISSING and not item.required and not item.has_default:
            item.default, item.has_default = default, True
        if required is False and item.required:
            item.required = False
        return item
    if not isinstance(item, str) or not item.lstrip("-"):
        raise TypeError(f"{item!r} is no element of a declaration")
    optional = item.startswith("-") or required is False
    name = item[1:] if item.startswith("-") else item
    element = _BY_KIND[autotype.kind_of(name) if auto_typing else "text"](name)
    element.required = not optional
    if optional and default is not _MISSING:
        element.default, element.has_default = default, True
    return element


def _as_tuple(value):
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(value)
    return (value,)


class InputDeclaration:
    """What a service takes."""

    __slots__ = ("model", "elements", "any_of", "root")

    def __init__(self, model=None, items=(), any_of=(), root=None):
        self.model = model
        self.elements = items
        self.any_of = any_of
        self.root = root

    def declared(self):
        """Element names for the service list."""
        if self.model is not None:
            return self.model.declared()
        return [item.declared for item in self.elements]

    def read(self, body, channel_params, service=None):
        """Body merged with path and query parameters, typed."""
        if self.root and isinstance(body, dict) and self.root in body:
            body = body[self.root]
        if self.model is not None:
            if isinstance(body, Model) and not channel_params:
                return self.model.from_dict(
                    body if isinstance(body, self.model) else body.to_dict(), service)
            return self.model.from_dict(_merged(body, channel_params), service)
        values = Input()
        data = _merged(body, channel_params)
        for item in self.elements:
            name = item.name
            value = data.get(name, _MISSING)
            if value is _MISSING:
                if item.required:
                    raise ElementMissing("/" + name)
                values[name] = _default_of(item)
            elif value is None and not item.required:
                values[name] = _default_of(item)
            elif value == "" and not item.required and not isinstance(item, elements.Text):
                values[name] = _default_of(item)
            else:
                try:
                    values[name] = item.read(value)
                except (ValueError, TypeError, OverflowError):
                    raise ElementInvalid("/" + name, item.expected) from None
        for names in self.any_of:
            if all(data.get(name) in (None, "") for name in names):
                raise BadRequest("At least one element is required: " + ", ".join(names))
        return values


def _merged(body, channel_params):
    if isinstance(body, Model):
        body = body.to_dict()
    if isinstance(body, dict):
        return {**body, **channel_params} if channel_params else body
    if body is None or body == "" or body == b"" or channel_params:
        return channel_params
    raise ElementInvalid("/", "must be an object")


class OutputDeclaration:
    """What a service answers."""

    __slots__ = ("model", "elements", "names", "repeated", "root", "skip_empty")

    def __init__(self, model=None, items=(), repeated=False, root=None, skip_empty=False):
        self.model = model
        self.elements = items
        self.names = frozenset(item.name for item in items)
        self.repeated = repeated
        self.root = root
        self.skip_empty = skip_empty

    def declared(self):
        """Element names for the service list."""
        if self.model is not None:
            return self.model.declared()
        return [item.declared for item in self.elements]

    def payload(self):
        """An empty payload whose attributes the service assigns."""
        return OutputPayload(self.names if self.model is None else None)

    def write(self, payload):
        """Plain data of what the service answered; text and bytes pass untouched."""
        if isinstance(payload, OutputPayload):
            payload = payload.plain(self.repeated)
        if isinstance(payload, (list, tuple)):
            plain = [self._one(item) for item in payload]
        elif payload is None or isinstance(payload, (str, bytes, int, float)):
            return payload
        else:
            plain = self._one(payload)
        return {self.root: plain} if self.root else plain

    def _one(self, value):
        if isinstance(value, Model):
            value = value.to_dict()
        if self.model is not None:
            if not isinstance(value, dict):
                return value
            try:
                return self.model.from_dict(value).to_dict()
            except ModelValidationError as error:
                raise OutputError(f"output: {error}") from None
        read = value.get if isinstance(value, dict) else _attributes(value)
        plain = {}
        for item in self.elements:
            found = read(item.name, _MISSING)
            if found is _MISSING or found is None:
                if found is _MISSING and item.required:
                    raise OutputError(f"output: Element missing: /{item.name}")
                found = _default_of(item)
            elif found != "":
                try:
                    found = item.write(found)
                except (ValueError, TypeError, AttributeError) as error:
                    raise OutputError(f"output: /{item.name} {item.expected}") from error
            if self.skip_empty and found in (None, ""):
                continue
            plain[item.name] = found
        return plain


def _attributes(value):
    if hasattr(value, "_mapping"):
        return value._mapping.get
    return lambda name, default: getattr(value, name, default)


class OutputPayload:
    """`self.response.payload` of a service with declared output: set attributes or append rows."""

    __slots__ = ("_names", "_values", "_items")

    def __init__(self, names):
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_values", {})
        object.__setattr__(self, "_items", [])

    def __setattr__(self, name, value):
        if self._names is not None and name not in self._names:
            raise AttributeError(f"output declares no element {name!r}")
        self._values[name] = value

    def __getattr__(self, name):
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"output element {name!r} is not set") from None

    __setitem__ = __setattr__

    def __getitem__(self, key):
        return self._items[key] if isinstance(key, (int, slice)) else self._values[key]

    def __len__(self):
        return len(self._items) or len(self._values)

    def __bool__(self):
        return bool(self._items or self._values)

    def append(self, row):
        """One more row of repeated output."""
        self._items.append(row)

    def extend(self, rows):
        """More rows of repeated output."""
        self._items.extend(rows)

    def plain(self, repeated):
        """Rows when there are any or when output is repeated, else the attributes."""
        return self._items if self._items or repeated else self._values


def _is_model(value):
    return isinstance(value, type) and issubclass(value, Model)


def compile_input(cls):
    """The input declaration of a service class, or None."""
    sio = getattr(cls, "SimpleIO", None)
    short = getattr(cls, "input", None)
    if short is None and sio is not None:
        short = getattr(sio, "input", None)
    default = _first(sio, "default_input_value", "default_value")
    root = getattr(sio, "request_elem", None)
    auto = getattr(cls, "auto_typing", True)
    if _is_model(short):
        return InputDeclaration(model=short)
    items, any_of = [], []
    for item in _as_tuple(short) + _as_tuple(getattr(sio, "input_required", None)):
        if isinstance(item, require_any):
            any_of.append(item.names)
            items.extend(_element(name, auto, required=False) for name in item.names)
        else:
            items.append(_element(item, auto, default))
    for item in _as_tuple(getattr(sio, "input_optional", None)):
        items.append(_element(item, auto, default, required=False))
    return InputDeclaration(None, tuple(items), tuple(any_of), root) if items else None


def compile_output(cls):
    """The output declaration of a service class, or None."""
    sio = getattr(cls, "SimpleIO", None)
    short = getattr(cls, "output", None)
    if short is None and sio is not None:
        short = getattr(sio, "output", None)
    default = _first(sio, "default_output_value", "default_value")
    repeated = any(getattr(holder, "output_repeated", False) for holder in (sio, cls))
    root = getattr(sio, "response_elem", None)
    auto = getattr(cls, "auto_typing", True)
    skip_empty = bool(getattr(sio, "skip_empty_keys", False))
    if _is_model(short):
        return OutputDeclaration(short, (), repeated, root, skip_empty)
    items = [_element(item, auto, default)
             for item in _as_tuple(short) + _as_tuple(getattr(sio, "output_required", None))]
    items += [_element(item, auto, default, required=False)
              for item in _as_tuple(getattr(sio, "output_optional", None))]
    return OutputDeclaration(None, tuple(items), repeated, root, skip_empty) if items else None


def _first(holder, *names):
    for name in names:
        value = getattr(holder, name, _MISSING)
        if value is not _MISSING:
            return value
    return _MISSING
