"""One call as the worker sees it, from a core or from another service.

Owns: where the parts of a CALL frame are, decoded on demand. Refuses: checking the frame
(`bascule._worker.frames` has done it). Invariant: both kinds answer to the same attributes, so
`Request` never asks which one it has.
"""

from __future__ import annotations

from . import jsonio

METHODS = ("", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
UNPARSED = object()


class WireCall:
    """A CALL frame. `head` is its fixed part, `data` the whole payload."""

    # Defaults in the class: setting them in each call would cost as much as the rest of __init__.
    chain = ()
    value = UNPARSED
    plan = None
    parked = taken = cancelled = False

    def __init__(self, link, call_id, head, data):
        self.link = link
        self.id = call_id
        self.head = head
        self.data = data

    @property
    def cid(self):
        return self.data[32 : 32 + self.head[6]].decode("utf-8", "replace")

    @property
    def channel(self):
        start = 32 + self.head[6]
        return self.data[start : start + self.head[7]].decode("utf-8", "replace")

    @property
    def path(self):
        head = self.head
        start = 32 + head[6] + head[7]
        return self.data[start : start + head[8]].decode("utf-8", "replace")

    @property
    def query(self):
        head = self.head
        if not head[9]:
            return ""
        start = 32 + head[6] + head[7] + head[8]
        return self.data[start : start + head[9]].decode("utf-8", "replace")

    @property
    def params(self):
        head = self.head
        if not head[10]:
            return {}
        start = 32 + head[6] + head[7] + head[8] + head[9]
        words = self.data[start : start + head[10]].decode("utf-8", "replace").split("\0")
        return dict(zip(words[0::2], words[1::2]))

    @property
    def remote(self):
        head = self.head
        end = len(self.data) - head[13] - head[12]
        return self.data[end - head[11] : end].decode("utf-8", "replace")

    @property
    def header_block(self):
        head = self.head
        end = len(self.data) - head[13]
        return self.data[end - head[12] : end]

    @property
    def body(self):
        length = self.head[13]
        return self.data[-length:] if length else b""

    @property
    def method(self):
        code = self.head[2]
        if 0 < code < 8:
            return METHODS[code]
        line = self.header_block.partition(b"\r\n")[0]
        if line.startswith(b":method:"):
            return line[8:].strip().decode("ascii", "replace")
        return ""

    @property
    def is_json(self):
        return self.head[4] == 1

    @property
    def from_api(self):
        """Whether the call came from the invoke API and not through a channel."""
        return self.head[3] == 1

    def payload(self):
        """Parsed once; raises JSONValidationException."""
        value = self.value
        if value is UNPARSED:
            length = self.head[13]
            if self.head[4] == 1:
                value = jsonio.loads(self.data[-length:]) if length else None
            else:
                value = self.data[-length:] if length else b""
                try:
                    value = value.decode()
                except UnicodeDecodeError:
                    pass
            self.value = value
        return value


class InnerCall:
    """A call that a service makes with `self.invoke`; the payload is passed as it is."""

    __slots__ = ("cid", "value", "chain", "channel", "remote", "plan", "is_json")
    path = query = method = ""
    header_block = b""
    from_api = True

    def __init__(self, cid, value, chain, channel="invoke", remote=""):
        self.cid = cid
        self.value = value
        self.chain = chain
        self.channel = channel
        self.remote = remote
        self.plan = None
        self.is_json = True

    @property
    def params(self):
        return {}

    @property
    def body(self):
        value = self.value
        if value is None:
            return b""
        if isinstance(value, bytes):
            return value
        return value.encode() if isinstance(value, str) else jsonio.dumps(value)

    def payload(self):
        return self.value
