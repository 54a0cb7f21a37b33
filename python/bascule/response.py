"""What a service answers: `self.response`.

Owns: the attributes a service sets. Refuses: bytes on the wire (`bascule._worker.reply`).
Invariant: whatever is assigned is checked only when it is written, once.
"""

from __future__ import annotations

from .request import lazy


class Response:
    """`self.response` of a service without declared output."""

    # Defaults in the class, so that an instance costs nothing until something is assigned.
    payload = None
    status_code = 200
    content_type = None
    content_encoding = None
    result = result_details = data_format = None

    @lazy
    def headers(self):
        """Response headers; a list of values makes a line for each."""
        return {}

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

    _payload = None

    def __init__(self, declaration):
        self._declaration = declaration

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
