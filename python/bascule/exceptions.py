"""Exceptions a service raises to answer with an HTTP status.

Owns: the classes, their statuses and what a client may read of them (`details`). Refuses: writing
responses, that is `bascule._worker.rescue`. Invariant: a message reaches a client only from
`Reportable` classes whose authors write it for the client; every other text stays in the log.

The signature is Zato's, `BadRequest(cid, "message")`; the shorter `BadRequest("message")` works.
"""

from __future__ import annotations


class BasculeError(Exception):
    """Base of everything that Bascule itself raises."""


class Reportable(BasculeError):
    """An error with an HTTP status and a text for the client.

    `needs_msg=False` replaces the text by the standard phrase of the status, as in Zato.
    """

    status = 500
    phrase = "Internal server error"

    def __init__(self, *args, status=None, needs_msg=True, headers=None):
        if len(args) > 2 and status is None and isinstance(args[2], int):
            status = args[2]
        self.cid = args[0] if len(args) > 1 else None
        self.msg = args[1] if len(args) > 1 else (args[0] if args else self.phrase)
        if status is not None:
            self.status = status
        self.needs_msg = needs_msg
        self.headers = dict(headers or {})
        super().__init__(self.msg)

    @property
    def details(self):
        """What the client reads in `details` of the error body."""
        return self.msg if self.needs_msg else self.phrase

    def __str__(self):
        return str(self.msg)


class ClientHTTPError(Reportable):
    """The client is at fault; `ClientHTTPError(cid, msg, status)` sets any status."""

    status = 400
    phrase = "Bad request"


class BadRequest(ClientHTTPError):
    """400."""


class ValidationException(BadRequest):
    """400: input that does not validate."""


class ModelValidationError(BadRequest):
    """400: input that does not fit its Model or declaration; `elem_path` names the element."""

    def __init__(self, *args, elem_path="", **kwargs):
        super().__init__(*args, **kwargs)
        self.elem_path = elem_path


class ElementMissing(ModelValidationError):
    """400: a required element is not there."""

    def __init__(self, elem_path):
        super().__init__(f"Element missing: {elem_path}", elem_path=elem_path)


class ElementInvalid(ModelValidationError):
    """400: an element has a value that its type refuses."""

    def __init__(self, elem_path, expected):
        super().__init__(f"Element invalid: {elem_path} ({expected})", elem_path=elem_path)


class JSONValidationException(BadRequest):
    """400: a body that is not the JSON it should be."""


class Unauthorized(ClientHTTPError):
    """401, with a `WWW-Authenticate` challenge."""

    status = 401
    phrase = "Unauthorized"

    def __init__(self, *args, challenge='Basic realm="bascule"', **kwargs):
        if len(args) > 2 and isinstance(args[2], str):
            challenge, args = args[2], args[:2]
        super().__init__(*args, **kwargs)
        self.challenge = challenge
        self.headers.setdefault("WWW-Authenticate", challenge)


class Forbidden(ClientHTTPError):
    """403."""

    status = 403
    phrase = "Forbidden"


class NotFound(ClientHTTPError):
    """404."""

    status = 404
    phrase = "Not found"


class MethodNotAllowed(ClientHTTPError):
    """405; `allow` becomes the `Allow` header."""

    status = 405
    phrase = "Method not allowed"

    def __init__(self, *args, allow=(), **kwargs):
        super().__init__(*args, **kwargs)
        if allow:
            self.headers["Allow"] = ", ".join(allow)


class Conflict(ClientHTTPError):
    """409."""

    status = 409
    phrase = "Conflict"


class TooManyRequests(ClientHTTPError):
    """429; `retry_after` in seconds becomes the header of that name."""

    status = 429
    phrase = "Too many requests"

    def __init__(self, *args, retry_after=None, **kwargs):
        super().__init__(*args, **kwargs)
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)


class RateLimitReached(TooManyRequests):
    """429, Zato's other name for it."""


class InternalServerError(Reportable):
    """500; its text goes to the log, never to the client."""

    @property
    def details(self):
        return self.phrase


class ServiceUnavailable(Reportable):
    """503; `retry_after` in seconds becomes the header of that name."""

    status = 503
    phrase = "Service unavailable"

    def __init__(self, *args, retry_after=None, **kwargs):
        super().__init__(*args, **kwargs)
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)


class Inactive(ServiceUnavailable):
    """503: what is called is switched off."""


class InvokeTimeout(Reportable):
    """504: a service called with `self.invoke(…, timeout=…)` did not answer in time."""

    status = 504
    phrase = "A called service did not answer in time"

    @property
    def details(self):
        return self.phrase


class ServiceMissing(BasculeError):
    """`self.invoke` named a service that is not deployed."""


class InvokeTooDeep(BasculeError):
    """Services invoke each other in a circle; the message names the chain."""


class OutputError(BasculeError):
    """What a service answered does not fit its output declaration or cannot be written."""


Timeout = InvokeTimeout
HTTPException = ClientHTTPError
