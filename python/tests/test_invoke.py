"""Services that call services."""

import unittest

from harness import WorkerCase, in_each_mode

SOURCE = ("calls.py", '''
    import contextvars, logging, threading
    from dataclasses import dataclass
    from bascule import BadRequest, Int, InvokeTimeout, Model, NotFound, Service, ServiceMissing

    done, gate = {}, threading.Event()

    def signal(name):
        return done.setdefault(name, [threading.Event(), None])

    class Add(Service):
        input = Int("a"), Int("-b", default=10)
        output = Int("sum")
        def handle(self):
            self.response.payload.sum = self.request.input.a + self.request.input.b

    class Caller(Service):
        def handle(self):
            return {"kw": self.invoke("calls.add", a=1, b="2"),
                    "dict": self.invoke("calls.add", {"a": "5"}),
                    "cls": self.invoke(Add, a=7)["sum"],
                    "text": self.invoke(Text, "in"), "none": self.invoke("calls.text"),
                    "cid": self.invoke(Cid) == self.cid, "verb": self.invoke(OnlyGet)}

    class Text(Service):
        def handle(self):
            self.response.payload = f"<{self.request.payload}>"
    class Cid(Service):
        def handle(self):
            return self.cid
    class OnlyGet(Service):
        def handle_GET(self):
            return "verb"

    class Catches(Service):
        def handle(self):
            try:
                self.invoke("calls.raises")
            except NotFound as error:
                return {"caught": str(error)}
    class Raises(Service):
        def handle(self):
            raise NotFound(self.cid, "from inside")
    class Passes(Service):
        def handle(self):
            self.invoke("calls.raises")
    class BadInput(Service):
        def handle(self):
            self.invoke("calls.add", a="x")
    class Missing(Service):
        def handle(self):
            try:
                self.invoke("no.such")
            except ServiceMissing as error:
                return {"missing": str(error)}

    class Ping(Service):
        def handle(self):
            self.invoke("calls.pong")
    class Pong(Service):
        def handle(self):
            self.invoke("calls.ping")

    class Blocks(Service):
        def handle(self):
            gate.wait()
            return "late"
    class Limited(Service):
        def handle(self):
            try:
                self.invoke("calls.blocks", timeout=0.01)
            except InvokeTimeout as error:
                return {"late": str(error), "quiet": self.invoke(
                    "calls.blocks", timeout=0.01, raise_timeout=False),
                    "fast": self.invoke("calls.text", 1, timeout=30)}
    class LimitedUncaught(Service):
        def handle(self):
            self.invoke("calls.blocks", timeout=0.01)

    class Logs(Service):
        def handle(self):
            logging.getLogger("lib").warning("in time, %s", self.request.payload)
            return self.channel.name if hasattr(self.channel, "name") else None
    class LogsInTime(Service):
        def handle(self):
            # channel, data_format, transport, serialize, as_bunch, timeout: by place, as in Zato.
            self.invoke("calls.logs", "b", "my-channel", "json", None, True, False, 30)
            return {"cid": self.cid}
    tenant = contextvars.ContextVar("tenant", default=None)
    class Tenant(Service):
        def handle(self):
            return [tenant.get()]
    class AsksForTenant(Service):
        def handle(self):
            tenant.set(self.request.payload)
            return self.invoke("calls.tenant") + self.invoke("calls.tenant", timeout=30)
    class StartsByPlace(Service):
        def handle(self):
            # channel, data_format, transport, expiration, to_json_string, cid, callback
            return {"cid": self.invoke_async("calls.background", "b2", "async", "json", None, 15, False, "cid-place",
                                             "calls.sink")}

    class Background(Service):
        def handle(self):
            event = signal(self.request.payload)
            print("in the background")
            event[1] = {"payload": self.request.payload, "cid": self.cid}
            event[0].set()
            return "answer of " + self.request.payload
    class Starts(Service):
        def handle(self):
            return {"cid": self.invoke_async("calls.background", "b1", callback=["calls.sink"]),
                    "own": self.cid}
    class StartsFailing(Service):
        def handle(self):
            self.invoke_async("calls.raises", cid="cid-async")
            self.invoke_async("calls.background", "after")
    class Sink(Service):
        def handle(self):
            event = signal("sink")
            event[1] = {"payload": self.request.payload, "cid": self.cid}
            event[0].set()
    class Seen(Service):
        def handle(self):
            event = signal(self.request.payload)
            event[0].wait()
            return event[1]
''')


@in_each_mode
class Invokes(WorkerCase):
    SOURCES = (SOURCE,)

    def test_by_name_and_class_with_payload_and_keywords(self):
        self.assertEqual(self.worker.call("calls.caller", json_body={}).json, {
            "kw": {"sum": 3}, "dict": {"sum": 15}, "cls": 17, "text": "<in>", "none": "<None>",
            "cid": True, "verb": "verb"})

    def test_what_the_other_raises_is_raised_here(self):
        self.assertEqual(self.worker.call("calls.catches").json, {"caught": "from inside"})
        passed = self.worker.call("calls.passes")
        self.assertEqual((passed.status, passed.json["details"]), (404, "from inside"))
        self.assertEqual(self.worker.call("calls.bad-input").json["details"],
                         "Element invalid: /a (must be a whole number)")

    def test_a_service_that_is_not_there_is_named(self):
        self.assertEqual(self.worker.call("calls.missing").json,
                         {"missing": "service 'no.such' is not deployed"})

    def test_a_circle_is_cut_and_its_chain_named(self):
        got = self.worker.call("calls.ping")
        self.assertEqual((got.status, got.raised), (500, "InvokeTooDeep"))
        self.assertIn("calls.ping → calls.pong → calls.ping", got.traceback)
        self.assertEqual(got.json["details"], "Internal server error")

    def test_a_timeout_ends_the_wait(self):
        got = self.worker.call("calls.limited").json
        self.assertEqual(got, {"late": "no answer within 0.01 s", "quiet": None, "fast": "<1>"})
        self.assertEqual(self.worker.call("calls.limited-uncaught").status, 504)

    def test_arguments_may_come_in_zatos_order(self):
        self.assertEqual(self.worker.call("calls.starts-by-place").json, {"cid": "cid-place"})
        self.assertEqual(self.worker.call("calls.seen", json_body="b2").json, {"payload": "b2", "cid": "cid-place"})

    def test_what_a_library_logs_within_a_time_limit_has_the_cid(self):
        self.assertEqual(self.worker.call("calls.logs-in-time", cid="cid-limit").json, {"cid": "cid-limit"})
        (line,) = [line for line in self.worker.logs() if line["msg"] == "in time, b"]
        self.assertEqual(line["cid"], "cid-limit")

    def test_within_a_time_limit_context_variables_are_the_callers(self):
        self.assertEqual(self.worker.call("calls.asks-for-tenant", json_body="a").json, ["a", "a"])
        self.assertEqual(self.worker.call("calls.tenant").json, [None])

    def test_invoke_async_returns_a_cid_and_calls_back(self):
        started = self.worker.call("calls.starts").json
        self.assertNotEqual(started["cid"], started["own"])
        self.assertEqual(self.worker.call("calls.seen", json_body="b1").json,
                         {"payload": "b1", "cid": started["cid"]})
        self.assertEqual(self.worker.call("calls.seen", json_body="sink").json,
                         {"payload": "answer of b1", "cid": started["cid"]})
        printed = [line for line in self.worker.logs() if line.get("cid") == started["cid"]]
        self.assertEqual([line["msg"] for line in printed], ["in the background"])

    def test_an_asynchronous_failure_is_logged_with_its_cid(self):
        self.worker.call("calls.starts-failing")
        self.worker.call("calls.seen", json_body="after")
        logged = [line for line in self.worker.logs() if line.get("cid") == "cid-async"]
        self.assertTrue(logged and "from inside" in logged[0]["traceback"], logged)

    def test_a_call_on_the_old_set_invokes_the_old_version(self):
        def version(number):
            return ("sets.py", f"""
                from bascule import Service
                class Inner(Service):
                    def handle(self):
                        return {{"version": {number}}}
                class Outer(Service):
                    def handle(self):
                        return self.invoke("sets.inner")
            """)
        self.worker.deploy(version(1))
        old = self.worker.handles["sets.outer"]
        self.worker.deploy(version(2))
        self.assertEqual(self.worker.call(None, handle=old).json, {"version": 1})
        self.assertEqual(self.worker.call("sets.outer").json, {"version": 2})


del WorkerCase, Invokes
if __name__ == "__main__":
    unittest.main()
