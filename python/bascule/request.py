"""What a service reads: `self.request`.

Owns: the lazy views of one call (payload, input, HTTP details). Refuses: decoding what nobody
asks for. Invariant: nothing is decoded twice; a view is made on its first reading and kept.
"""

from __future__ import annotations

from urllib.parse import unquote

from . import jsonio
from .forms import parse_form, parse_pairs

# They concern one connection; framing is settled before a worker sees the body.
_ENDS_HERE = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"})
# What `Connection` may not take away.
_KEPT = frozenset({"host", "content-length", "authorization", "cookie"})

_UNSET = object()


class lazy:
    """An attribute computed on first reading and then kept in the instance, without a lock."""

    def __init__(self, make):
        self.make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.make(instance)
        return value


class Headers(dict):
    """Request headers; names in any case, stored in lower case."""

    __slots__ = ()

    def __getitem__(self, name):
        return dict.__getitem__(self, name.lower())

    def __contains__(self, name):
        return isinstance(name, str) and dict.__contains__(self, name.lower())

    def get(self, name, default=None):
        """The value of a header or the default."""
        return dict.get(self, name.lower(), default)


def parse_headers(block: bytes) -> Headers:
    """`name: value CRLF` lines; repeated ones are joined with a comma (cookies: semicolon)."""
    headers = Headers()
    for line in block.decode("utf-8", "surrogateescape").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or not name:
            continue
        name, value = name.strip().lower(), value.strip()
        if dict.__contains__(headers, name):
            value = f"{headers[name]}{'; ' if name == 'cookie' else ', '}{value}"
        headers[name] = value
    return headers


def end_to_end(headers: Headers, call) -> Headers:
    """The same headers whichever node runs the call: without those that ended with the client's connection, and with
    those that a balancer adds on the way to another node. Made when asked for: most services never look.
    """
    listed = {name.strip().lower() for name in headers.get("connection", "").split(",")}
    for name in list(headers):
        if name in _ENDS_HERE or name in listed - _KEPT or name.startswith("proxy-"):
            del headers[name]
    headers.setdefault("x-request-id", call.cid)
    headers.setdefault("x-forwarded-for", call.remote.rpartition(":")[0].strip("[]"))
    headers.setdefault("x-forwarded-proto", "http")
    if "host" in headers:
        headers.setdefault("x-forwarded-host", headers["host"])
    return headers


class HTTPRequest:
    """`self.request.http`."""

    def __init__(self, call):
        self._call = call

    @property
    def method(self):
        """GET, POST, …"""
        return self._call.method

    @lazy
    def path(self):
        """The path as requested, percent-decoded."""
        return unquote(self._call.path)

    @lazy
    def query(self):
        """The query string as sent, without `?`."""
        return self._call.query

    @lazy
    def GET(self):  # noqa: N802 - Zato's name
        """Query parameters; a list where a name is repeated."""
        query = self._call.query
        return parse_pairs(query) if query else {}

    @lazy
    def POST(self):  # noqa: N802 - Zato's name
        """Form fields."""
        return self.get_form_data()

    @lazy
    def params(self):
        """Path parameters."""
        return self._call.params

    @lazy
    def headers(self):
        """Request headers, names in any case."""
        call = self._call
        headers = parse_headers(call.header_block)
        return headers if call.from_api else end_to_end(headers, call)

    @property
    def user_agent(self):
        """The User-Agent header or an empty string."""
        return self.headers.get("user-agent", "")

    @property
    def remote_addr(self):
        """`ip:port` of the client."""
        return self._call.remote

    def get_form_data(self):
        """The body as a form, URL-encoded or multipart."""
        return parse_form(self._call.body, self.headers.get("content-type", ""))


class Request:
    """`self.request`."""

    # The plan sets _call and _plan. The service is known only where a Model's after_created may ask
    # for it: it makes a reference cycle, and cycles wait for the garbage collector.
    _service = None

    @lazy
    def payload(self):
        """Parsed JSON on a JSON channel, else text; bytes when the body is not UTF-8."""
        return self._call.payload()

    @property
    def raw(self):
        """The body as received, bytes."""
        return self._call.body

    raw_request = raw

    @lazy
    def text(self):
        """The body as text; what is not UTF-8 is replaced."""
        return self._call.body.decode("utf-8", "replace")

    @lazy
    def http(self):
        """HTTP details."""
        return HTTPRequest(self._call)

    @lazy
    def channel_params(self):
        """Query and path parameters; the path wins."""
        if not self._call.query:
            return self.http.params
        return {**self.http.GET, **self.http.params}

    @lazy
    def input(self):
        """Declared input: body, query and path parameters merged and typed; without a declaration,
        the merged values as they are."""
        declaration = self._plan.input
        body = self._body_for_input()
        if declaration is None:
            from .declaration import Input

            values = Input(body if isinstance(body, dict) else {})
            values.update(self.channel_params)
            return values
        return declaration.read(body, self.channel_params, self._service)

    def _body_for_input(self):
        call = self._call
        if call.is_json:
            return self.payload
        if not call.body:
            return None
        kind = self.http.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            return jsonio.loads(call.body)
        if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            return self.http.POST
        return None

    @property
    def cid(self):
        """The correlation id."""
        return self._call.cid

    @property
    def data_format(self):
        """`json` or an empty string."""
        return "json" if self._call.is_json else ""

    def to_bunch(self):
        """Input as an attribute dict."""
        return self.input

    bunchified = to_bunch
