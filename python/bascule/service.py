"""The class that users derive their services from.

Owns: what `self` offers. Refuses: how a call reaches it and how its answer leaves.
Invariant: an instance lives for one call and costs four attributes; everything else is made when it
is first read.
"""

from __future__ import annotations

import os

from . import runtime
from .clock import clock
from .exceptions import InvokeTooDeep, ServiceMissing
from .call import InnerCall
from .logs import ServiceLogger
from .naming import service_name
from .request import Request, lazy
from .response import Response

HOOKS = ("accept", "before_handle", "validate_input", "validate_output", "after_handle",
         "finalize_handle")
# Deeper than any design and far from the interpreter's recursion limit.
INVOKE_DEPTH_MAX = 32
_NO_PAYLOAD = object()


class Channel:
    """`self.channel`: where the call came in."""

    __slots__ = ("name", "type", "data_format", "is_internal", "security", "id", "match_target")

    def __init__(self, call):
        self.name = self.id = call.channel
        self.type = "invoke" if call.from_api else "plain-http"
        self.data_format = "json" if call.is_json else ""
        self.is_internal = False
        self.match_target = call.path
        self.security = None

    sec = property(lambda self: self.security)


class Service:
    """One service: define `handle`, or `handle_GET`, `handle_POST`, …

    `name`, `input`, `output` or `class SimpleIO` declare what it is called, takes and answers.
    """

    name = None
    input = None
    output = None
    auto_typing = True
    call_hooks = True
    time = clock

    _call = None
    _plan = None

    # What a subclass may override; the plan sees which are.

    def handle(self):
        """Answers any method that has no handler of its own."""

    def accept(self):
        """False refuses the call with 400."""
        return True

    def before_handle(self):
        """Before the handler; what it raises is logged only."""

    def validate_input(self):
        """Before the handler; raise to refuse."""

    def validate_output(self):
        """After the handler; raise to refuse what it answered."""

    def after_handle(self):
        """After the handler; what it raises is logged only."""

    def finalize_handle(self):
        """Last, always."""

    @staticmethod
    def before_add_to_store(logger):
        """At deployment; False leaves the class out."""
        return True

    @staticmethod
    def after_add_to_store(logger):
        """At deployment, once the class is in."""

    # What a service reads.

    #: What came in; set for each call.
    request: Request
    #: What goes out; set for each call.
    response: Response

    @property
    def cid(self):
        """The correlation id of the call."""
        return self._call.cid

    @lazy
    def logger(self):
        """Writes log records that carry the service and the cid."""
        return ServiceLogger(self._plan.name, self._call)

    @lazy
    def channel(self):
        """Where the call came in."""
        return Channel(self._call)

    chan = property(lambda self: self.channel)

    @lazy
    def environ(self):
        """A dict for the service's own use during the call."""
        return {}

    @lazy
    def wsgi_environ(self):
        """The call as a WSGI environment, for services that still read one."""
        http = self.request.http
        environ = {
            "REQUEST_METHOD": http.method,
            "PATH_INFO": http.path,
            "QUERY_STRING": http.query,
            "REMOTE_ADDR": http.remote_addr.rpartition(":")[0],
            "zato.http.remote_addr": http.remote_addr,
        }
        for name, value in http.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key] = value
        return environ

    @property
    def data_format(self):
        """`json` or an empty string."""
        return "json" if self._call.is_json else ""

    # Calling others.

    def invoke(self, service, payload=_NO_PAYLOAD, channel="invoke", data_format=None, transport=None,
               serialize=True, as_bunch=False, timeout=None, raise_timeout=True, **elements):
        """Calls a service by name or class and returns what it answers.

        Pass a payload or keywords. Runs in this process, in the set of services this call belongs
        to; what the other raises is raised here. `timeout` is in seconds, then InvokeTimeout. The order is
        Zato's; data_format, transport, serialize and as_bunch have no meaning here: objects are passed as they are.
        """
        plan, call = self._inner_call(service, payload, elements, channel)
        if timeout is None:
            return plan.perform(call)[1]
        try:
            return runtime.active.limited(timeout, lambda: plan.perform(call)[1], call)
        except runtime.InvokeTimeout:
            if raise_timeout:
                raise
            return None

    def invoke_async(self, service, payload=_NO_PAYLOAD, channel="invoke-async", data_format=None, transport=None,
                     expiration=None, to_json_string=False, cid=None, callback=None, zato_ctx=None, environ=None,
                     **elements):
        """Calls a service beside this one and returns the new cid at once.

        `callback` (a name, a class, self or a list of them) is invoked with the answer. The order is Zato's; what stands
        between channel and cid, and behind callback, has no meaning here.
        """
        cid = cid or new_cid()
        plan, call = self._inner_call(service, payload, elements, channel, cid)
        targets = [self._callback_name(item) for item in _as_list(callback)]
        for target in targets:
            self._find(target)
        runtime.active.spawn(lambda: self._in_background(plan, call, targets), call)
        return cid

    def sleep(self, seconds=1):
        """Waits without stopping other calls."""
        runtime.active.sleep(seconds)

    def _in_background(self, plan, call, targets):
        logger = ServiceLogger(plan.name, call)
        try:
            answer = plan.perform(call)[1]
            for target in targets:
                found = plan.peers[target]
                found.perform(InnerCall(call.cid, answer, call.chain + (plan.name,), "callback"))
        except Exception:
            logger.exception("asynchronous call failed")

    def _callback_name(self, callback):
        if callback is self:
            sink = f"{self._plan.name}-async-callback"
            return sink if sink in self._plan.peers else self._plan.name
        return callback if isinstance(callback, str) else callback.get_name()

    def _find(self, service):
        name = service if isinstance(service, str) else service.get_name()
        plan = self._plan.peers.get(name)
        if plan is None:
            raise ServiceMissing(f"service {name!r} is not deployed")
        return plan

    def _inner_call(self, service, payload, elements, channel, cid=None):
        plan = self._find(service)
        chain = self._call.chain + (self._plan.name,)
        if len(chain) >= INVOKE_DEPTH_MAX:
            shown = (*chain[:3], "…", *chain[-3:], plan.name)
            raise InvokeTooDeep(
                f"services invoke each other {INVOKE_DEPTH_MAX} deep: " + " → ".join(shown))
        if payload is _NO_PAYLOAD:
            payload = elements or None
        return plan, InnerCall(cid or self._call.cid, payload, chain, channel, self._call.remote)

    # What the class knows about itself.

    @classmethod
    def get_name(cls):
        """The name that channels and `self.invoke` use."""
        return service_name(cls.__module__, cls.__name__, cls.__dict__.get("name"))

    @classmethod
    def get_impl_name(cls):
        """Module and class as Python names them."""
        return f"{cls.__module__}.{cls.__qualname__}"


def _as_list(value):
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def new_cid():
    """24 hexadecimal digits, the shape Zato's programmers know."""
    return os.urandom(12).hex()
