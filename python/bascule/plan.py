"""The call plan of a service: everything about its class that does not change between calls.

Owns: which handler answers which method, which hooks are overridden, the compiled declarations, and
the run of one call from instance to plain answer. Refuses: bytes and statuses.
Invariant: what can be decided once per class is decided here and never again per call.
"""

from __future__ import annotations

from .declaration import compile_input, compile_output
from .call import UNPARSED
from .exceptions import BadRequest, MethodNotAllowed
from .request import Request
from .response import DeclaredResponse, Response
from .service import HOOKS, Service

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
# The two parties of an internal call have no method: the first of these that exists is called.
_INTERNAL_ORDER = ("POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class Plan:
    """A service of one set, ready to be called."""

    __slots__ = ("cls", "name", "version", "package", "peers", "handle", "verbs", "allow",
                 "internal", "input", "output", "hooks", "keeps_service")

    def __init__(self, cls, name, package="", version="", peers=None):
        self.cls = cls
        self.name = name
        self.version = version
        self.package = package
        self.peers = {} if peers is None else peers
        self.input = compile_input(cls)
        self.output = compile_output(cls)
        self.keeps_service = self.input is not None and self.input.model is not None
        own_handle = cls.handle is not Service.handle
        verbs = {verb: getattr(cls, "handle_" + verb) for verb in VERBS
                 if hasattr(cls, "handle_" + verb)}
        if "GET" in verbs:
            # HTTP: HEAD is GET without the body, which the core leaves out.
            verbs.setdefault("HEAD", verbs["GET"])
        self.allow = tuple(verb for verb in VERBS if verb in verbs)
        self.handle = cls.handle if own_handle else None
        self.verbs = verbs or None
        self.internal = self.handle or next(
            (verbs[verb] for verb in _INTERNAL_ORDER if verb in verbs), Service.handle)
        called = {hook for hook in HOOKS if getattr(cls, hook) is not getattr(Service, hook)}
        self.hooks = frozenset(called) if getattr(cls, "call_hooks", True) else frozenset()

    def perform(self, call):
        """Runs one call; the response and what was answered, before serialisation."""
        call.plan = self
        service = self.cls()
        service._call = call
        service._plan = self
        request = service.request = Request()
        request._call = call
        request._plan = self
        if call.value is not UNPARSED:
            request.payload = call.value
        output = self.output
        if output is None:
            response = service.response = Response()
        else:
            response = service.response = DeclaredResponse(output)
        if self.verbs is None or call.from_api:
            handler = self.internal
        else:
            handler = self.verbs.get(call.method) or self.handle
            if handler is None:
                raise MethodNotAllowed(call.cid, f"Method {call.method} is not allowed",
                                       allow=self.allow)
        if self.keeps_service:
            request._service = service
        if self.hooks:
            result = self._with_hooks(service, handler)
        else:
            result = handler(service)
        if output is None:
            return response, response.payload if result is None else result
        return response, output.write(response.assigned if result is None else result)

    def _with_hooks(self, service, handler):
        hooks = self.hooks
        if "accept" in hooks and not service.accept():
            raise BadRequest(service.cid, "The request was not accepted")
        try:
            if "before_handle" in hooks:
                self._quietly(service, service.before_handle)
            if "validate_input" in hooks:
                service.validate_input()
            result = handler(service)
            if result is not None:
                service.response.payload = result
            if "validate_output" in hooks:
                service.validate_output()
            if "after_handle" in hooks:
                self._quietly(service, service.after_handle)
            return None
        finally:
            if "finalize_handle" in hooks:
                self._quietly(service, service.finalize_handle)

    @staticmethod
    def _quietly(service, hook):
        """As in Zato, these hooks cannot fail a call; what they raise is logged."""
        try:
            hook()
        except Exception:
            service.logger.exception("hook %s raised", hook.__name__)
