"""What a service answers: `self.response`.

Owns: the attributes a service sets. Refuses: bytes on the wire (`bascule._worker.reply`).
Invariant: whatever is assigned is checked only when it is written, once.
"""

from __future__ import annotations


class Response:
    """`self.response` of a service without declared output."""

    __slots__ = ("payload", "status_code", "content_type", "content_encoding", "headers",
                 "result", "result_details", "data_format")

    def __init__(self):
        self.payload = None
        self.status_code = 200
        self.content_type = None
        self.content_encoding = None
        self.headers = {}

    def __len__(self):
        return len(self.payload or ())

    def __bool__(self):
        return True

    @property
    def status_message(self):
        """The reason phrase of the status."""
        from http import HTTPStatus

        return HTTPStatus(self.status_code).phrase


class DeclaredResponse(Response):
    """`self.response` of a service with declared output: `payload` takes attributes too."""

    __slots__ = ("_payload", "_declaration")

    def __init__(self, declaration):
        self._declaration = declaration
        self._payload = None
        super().__init__()

    @property
    def payload(self):
        """An object to assign output elements to, or what was assigned."""
        if self._payload is None:
            self._payload = self._declaration.payload()
        return self._payload

    @payload.setter
    def payload(self, value):
        self._payload = value

    @property
    def assigned(self):
        """What was assigned, None when nothing was."""
        return self._payload
