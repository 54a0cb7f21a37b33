"""`zato.common.exception`: the exceptions that become HTTP statuses."""

from bascule.exceptions import (  # noqa: F401
    BadRequest, BasculeError as ZatoException, ClientHTTPError, Conflict, Forbidden, HTTPException,
    Inactive, InternalServerError, InvokeTimeout, JSONValidationException, MethodNotAllowed,
    ModelValidationError, NotFound, RateLimitReached, Reportable, ServiceMissing,
    ServiceUnavailable, Timeout, TooManyRequests, Unauthorized, ValidationException,
)

HTTP_RESPONSES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
                  405: "Method Not Allowed", 409: "Conflict", 429: "Too Many Requests",
                  500: "Internal Server Error", 503: "Service Unavailable"}
