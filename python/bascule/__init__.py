"""Bascule: what service authors import.

    from bascule import Service

    class Hello(Service):
        input = "-name"

        def handle(self):
            self.response.payload = {"message": f"Hello, {self.request.input.name or 'World'}"}
"""

from .declaration import require_any
from .elements import (
    CSV, UTC, UUID, Any, AsIs, Bool, Boolean, Date, DateTime, Decimal, Dict, DictList, Element,
    Float, Int, Integer, List, ListOfDicts, Nested, Opaque, Secret, Text, Unicode,
)
from .exceptions import (
    BadRequest, BasculeError, ClientHTTPError, Conflict, ElementInvalid, ElementMissing, Forbidden,
    Inactive, InternalServerError, InvokeTimeout, InvokeTooDeep, JSONValidationException,
    MethodNotAllowed, ModelValidationError, NotFound, OutputError, RateLimitReached, Reportable,
    ServiceMissing, ServiceUnavailable, TooManyRequests, Unauthorized, ValidationException,
)
from .model import Model
from .service import Service

__version__ = "0.1.0"

__all__ = [
    "CSV", "UTC", "UUID", "Any", "AsIs", "BadRequest", "BasculeError", "Bool", "Boolean",
    "ClientHTTPError", "Conflict", "Date", "DateTime", "Decimal", "Dict", "DictList", "Element",
    "ElementInvalid", "ElementMissing", "Float", "Forbidden", "Inactive", "Int", "Integer",
    "InternalServerError", "InvokeTimeout", "InvokeTooDeep", "JSONValidationException", "List",
    "ListOfDicts", "MethodNotAllowed", "Model", "ModelValidationError", "Nested", "NotFound",
    "Opaque", "OutputError", "RateLimitReached", "Reportable", "Secret", "Service",
    "ServiceMissing", "ServiceUnavailable", "Text", "TooManyRequests", "UUID", "Unauthorized",
    "Unicode", "ValidationException", "require_any",
]
