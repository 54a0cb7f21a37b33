"""What a service sees and what its answer becomes."""

import gzip
import json
import unittest

from harness import ERROR, REPLY, WorkerCase, in_each_mode

SOURCE = ("api.py", '''
    import datetime, decimal, logging, sys, uuid
    from dataclasses import dataclass
    from zato.common.exception import (BadRequest, ClientHTTPError, Conflict, Forbidden,
        InternalServerError, NotFound, ServiceUnavailable, TooManyRequests, Unauthorized)
    from zato.server.service import Bool, Int, List, Model, Service

    class Verbs(Service):
        def handle_GET(self):
            self.response.payload = "got"
        def handle_PUT(self):
            self.response.payload = "put"

    class See(Service):
        def handle(self):
            request, http = self.request, self.request.http
            return {"payload": request.payload, "raw": request.raw.decode(), "text": request.text,
                "same": request.raw is not None and request.raw == request.raw_request,
                "method": http.method, "path": http.path, "params": http.params,
                "GET": http.GET, "agent": http.user_agent, "x": http.headers["X-THING"],
                "in": "x-thing" in http.headers, "merged": request.channel_params,
                "input": request.input, "cid": self.cid, "name": self.name,
                "channel": self.channel.name, "format": self.data_format,
                "environ": self.wsgi_environ["HTTP_X_THING"]}

    class Form(Service):
        def handle(self):
            form = self.request.http.get_form_data()
            return {k: v if isinstance(v, (str, list)) else v["data"].decode()
                    for k, v in form.items()}

    class Answer(Service):
        def handle(self):
            kind = self.request.http.GET["kind"]
            response = self.response
            if kind == "nothing":
                return
            if kind == "str":
                response.payload = "text ü"
            elif kind == "bytes":
                response.payload = b"\\x00\\xff"
            elif kind == "list":
                response.payload = [1, None, True]
            elif kind == "returned":
                return {"returned": 1}
            elif kind == "number":
                response.payload = 5
            elif kind == "full":
                response.status_code = 202
                response.headers["X-A"] = "b"
                response.headers["X-Many"] = ["1", "2"]
                response.headers["Connection"] = "close"
                response.headers["content-length"] = "999"
                response.content_type = "application/xml"
                response.payload = "<a/>"
            elif kind == "gzip":
                response.content_encoding = "gzip"
                response.payload = {"a": 1}
            elif kind == "types":
                response.payload = {"d": datetime.date(2026, 11, 22), "n": decimal.Decimal("1.10"),
                    "t": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
                    "u": uuid.UUID(int=5), "f": float("nan"), "big": 2**70, 7: "seven"}
            elif kind == "header":
                response.headers["X-A"] = "b\\r\\nX-Evil: 1"
            elif kind == "header-nul":
                response.headers["X-A"] = "b\\0"
            elif kind == "header-name":
                response.headers["X A"] = "b"
            elif kind == "content-type":
                response.content_type = "text/html\\r\\nX-Evil: 1"
            elif kind == "object":
                response.payload = {"deep": [object()]}
            elif kind == "circle":
                circle = []
                circle.append(circle)
                response.payload = circle
            elif kind == "status":
                response.status_code = 1000
            elif kind == "status-99":
                response.status_code = 99

    class Fail(Service):
        def handle(self):
            kind = self.request.payload
            if kind == "exit":
                sys.exit(3)
            if kind == "keyboard":
                raise KeyboardInterrupt
            if kind == "generator":
                raise GeneratorExit
            if kind == "deep":
                return self.deep()
            if kind == "unprintable":
                class Odd(Exception):
                    def __str__(self):
                        raise ValueError("no")
                raise Odd
            if kind == "chained":
                try:
                    {}["secret-key"]
                except KeyError as error:
                    raise RuntimeError("outer secret") from error
            raise {"bad": BadRequest(self.cid, "Bad thing"), "quiet": BadRequest(
                self.cid, "hidden", needs_msg=False),
                "401": Unauthorized(self.cid, "Who?", "Basic x"),
                "403": Forbidden(self.cid, "No"), "404": NotFound(self.cid, "Not here"),
                "409": Conflict(self.cid, "Twice"), "429": TooManyRequests("Slow", retry_after=9),
                "500": InternalServerError(self.cid, "secret"), "503": ServiceUnavailable("Later"),
                "418": ClientHTTPError(self.cid, "Teapot", 418),
                "value": ValueError("secret"), "short": NotFound("Only a text")}[kind]
        def deep(self):
            return self.deep()

    class Log(Service):
        def handle(self):
            self.logger.info("Hello %s", "Ada", count=3, level="mine")
            self.logger.warning("plain")
            logging.getLogger("other.lib").warning("from %s", "lib")
            print("printed")
            try:
                1 / 0
            except ZeroDivisionError:
                self.logger.exception("caught")

    order = []
    class Hooks(Service):
        def accept(self): order.append("accept"); return self.request.payload != "refuse"
        def before_handle(self): order.append("before"); 1 / 0
        def validate_input(self):
            order.append("validate_input")
            if self.request.payload == "invalid": raise BadRequest(self.cid, "invalid")
        def handle(self): order.append("handle"); return {"n": 1}
        def validate_output(self):
            order.append("validate_output")
            self.response.payload["checked"] = True
        def after_handle(self): order.append("after"); 1 / 0
        def finalize_handle(self): order.append("finalize")
    class Order(Service):
        def handle(self):
            seen = order[:]
            order.clear()
            return seen

    class Context(Service):
        def handle(self):
            before = decimal.getcontext().prec
            decimal.getcontext().prec = 5
            return {"before": before}

    class State(Service):
        def handle(self):
            fresh = not hasattr(self, "kept")
            self.kept = True
            return {"fresh": fresh}
''')


@in_each_mode
class Api(WorkerCase):
    SOURCES = (SOURCE,)

    def test_verbs_are_dispatched_and_a_missing_one_gets_405_with_allow(self):
        self.assertEqual(self.worker.call("api.verbs", "GET").text, "got")
        self.assertEqual(self.worker.call("api.verbs", "HEAD").text, "got")
        self.assertEqual(self.worker.call("api.verbs", "PUT").text, "put")
        for method in ("DELETE", "PROPFIND"):
            refused = self.worker.call("api.verbs", method)
            self.assertEqual((refused.status, refused.header["Allow"]), (405, "GET, PUT, HEAD"))
            self.assertEqual(refused.traceback, "")

    def test_the_invoke_api_calls_a_service_whatever_its_verbs(self):
        self.assertEqual(self.worker.call("api.verbs", "POST", source=1).text, "got")

    def test_a_service_sees_its_request(self):
        seen = self.worker.call(
            "api.see", "POST", json_body={"b": 1, "q": "body"}, path="/a%20b/5",
            query="q=1&r=x%20y&r=z&e=", params={"id": "5"}, cid="c-9",
            headers="User-Agent: t\r\nx-thing: v1\r\nX-Thing: v2\r\n").json
        self.assertEqual(seen, {
            "payload": {"b": 1, "q": "body"}, "raw": '{"b": 1, "q": "body"}',
            "text": '{"b": 1, "q": "body"}', "same": True, "method": "POST", "path": "/a b/5",
            "params": {"id": "5"}, "GET": {"q": "1", "r": ["x y", "z"], "e": ""}, "agent": "t",
            "x": "v1, v2", "in": True, "environ": "v1, v2", "channel": "test.channel",
            "merged": {"q": "1", "r": ["x y", "z"], "e": "", "id": "5"},
            "input": {"b": 1, "q": "1", "r": ["x y", "z"], "e": "", "id": "5"},
            "cid": "c-9", "name": "api.see", "format": "json"})

    def test_without_a_data_format_the_payload_is_text(self):
        seen = self.worker.call("api.see", body="grüß", headers="X-Thing: 1\r\n").json
        self.assertEqual((seen["payload"], seen["format"]), ("grüß", ""))

    def test_forms_are_read(self):
        kind = "Content-Type: application/x-www-form-urlencoded\r\n"
        form = self.worker.call("api.form", body="a=1&b=%C3%BC&b=2", headers=kind)
        self.assertEqual(form.json, {"a": "1", "b": ["ü", "2"]})
        body = ("--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--X\r\n"
                "Content-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\n\r\nfile\r\n"
                "--X--\r\n")
        kind = "Content-Type: multipart/form-data; boundary=X\r\n"
        self.assertEqual(self.worker.call("api.form", body=body, headers=kind).json,
                         {"a": "one", "f": "file"})

    def answer(self, kind, **how):
        return self.worker.call("api.answer", "GET", query=f"kind={kind}", **how)

    def test_what_a_service_answers_becomes_a_reply(self):
        for kind, content_type, body in (
            ("nothing", "", b""),
            ("str", "text/plain; charset=utf-8", "text ü".encode()),
            ("bytes", "application/octet-stream", b"\x00\xff"),
            ("list", "application/json", b"[1,null,true]"),
            ("returned", "application/json", b'{"returned":1}'),
            ("number", "application/json", b"5"),
        ):
            with self.subTest(kind):
                got = self.answer(kind)
                self.assertEqual((got.frame_kind, got.status, got.content_type, got.body),
                                 (REPLY, 200, content_type, body))

    def test_status_headers_and_content_type_are_kept_and_framing_is_not(self):
        got = self.answer("full", data_format=1)
        self.assertEqual((got.status, got.content_type, got.body),
                         (202, "application/xml", b"<a/>"))
        self.assertEqual(got.headers, "X-A: b\r\nX-Many: 1\r\nX-Many: 2\r\n")

    def test_gzip_is_honoured(self):
        got = self.answer("gzip")
        self.assertEqual((gzip.decompress(got.body), got.headers),
                         (b'{"a":1}', "Content-Encoding: gzip\r\n"))

    def test_pythons_types_become_json(self):
        self.assertEqual(self.answer("types").json, {
            "d": "2026-11-22", "n": "1.10", "t": "2026-01-02T03:04:05+00:00",
            "u": str(__import__("uuid").UUID(int=5)), "f": None, "big": 2**70, "7": "seven"})

    def test_what_cannot_be_sent_is_500_and_nothing_leaks(self):
        for kind, named in (
            ("header", "control character"), ("header-nul", "control character"),
            ("header-name", "no response header name"), ("content-type", "control character"),
            ("object", "builtins.object"), ("circle", "JSON"), ("status", "1000"),
            ("status-99", "99"),
        ):
            with self.subTest(kind):
                got = self.answer(kind)
                self.assertEqual((got.frame_kind, got.status, got.headers), (ERROR, 500, ""))
                self.assertEqual(got.json, {"result": "Error", "cid": "cid-1",
                                            "details": "Internal server error"})
                self.assertNotIn(b"Evil", got.body)
                self.assertIn(named, got.traceback)
                self.assertIn(named, self.worker.logs()[-1]["msg"])

    def test_exceptions_become_statuses(self):
        for kind, status, details, headers in (
            ("bad", 400, "Bad thing", ""), ("quiet", 400, "Bad request", ""),
            ("401", 401, "Who?", "WWW-Authenticate: Basic x\r\n"), ("403", 403, "No", ""),
            ("404", 404, "Not here", ""), ("409", 409, "Twice", ""), ("418", 418, "Teapot", ""),
            ("429", 429, "Slow", "Retry-After: 9\r\n"), ("500", 500, "Internal server error", ""),
            ("503", 503, "Later", ""), ("short", 404, "Only a text", ""),
        ):
            with self.subTest(kind):
                got = self.worker.call("api.fail", json_body=kind, cid="c-1")
                self.assertEqual((got.frame_kind, got.status), (ERROR, status))
                self.assertEqual(got.headers, headers)
                self.assertEqual(got.json, {"result": "Error", "cid": "c-1", "details": details})

    def test_any_other_exception_is_500_without_internals(self):
        for kind, raised in (
            ("value", "ValueError"), ("exit", "SystemExit"), ("keyboard", "KeyboardInterrupt"),
            ("generator", "GeneratorExit"), ("deep", "RecursionError"), ("unprintable", "Odd"),
            ("chained", "RuntimeError"),
        ):
            with self.subTest(kind):
                got = self.worker.call("api.fail", json_body=kind)
                self.assertEqual((got.status, got.raised), (500, raised))
                self.assertEqual(got.json["details"], "Internal server error")
                self.assertIn('File "api.py", line', got.traceback)
                self.assertNotIn("_worker", got.traceback)
                self.assertNotIn(self.worker.folder.name, got.traceback)
                self.assertNotIn(b"secret", got.body)
        self.assertEqual(self.worker.call("api.verbs", "GET").text, "got")

    def test_malformed_json_names_line_and_column(self):
        for body, where in (('{"a":\n  1,,}', "line 2 column 5"), ("[1", "line 1 column 3"),
                            ("nope", "line 1 column 1"), ("{} x", "line 1 column 4")):
            got = self.worker.call("api.see", body=body, data_format=1)
            self.assertEqual((got.status, got.json["details"][-len(where):]), (400, where))
        self.assertEqual(self.worker.call("api.see", body="[" * 100_000, data_format=1).status, 400)
        bomb = '{"a":' * 200 + "1" + "}" * 200
        got = self.worker.call("api.see", body=bomb, data_format=1)
        self.assertEqual((got.status, got.json["details"]),
                         (400, "Invalid JSON: deeper than 128 levels"))

    def test_log_lines_carry_cid_and_service(self):
        self.worker.call("api.log", json_body=1, cid="c-log")
        lines = [line for line in self.worker.logs() if line.get("cid") == "c-log"]
        hello, plain, lib, printed, caught = lines
        self.assertEqual((hello["msg"], hello["count"], hello["level"], hello["target"]),
                         ("Hello Ada", 3, "INFO", "api.log"))
        self.assertEqual((plain["level"], plain["service"]), ("WARN", "api.log"))
        self.assertTrue(plain["version"])
        self.assertEqual((lib["msg"], lib["target"]), ("from lib", "other.lib"))
        self.assertEqual((printed["msg"], printed["target"]), ("printed", "stdout"))
        self.assertIn("ZeroDivisionError", caught["traceback"])
        self.assertRegex(hello["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")

    def test_hooks_run_in_zatos_order(self):
        got = self.worker.call("api.hooks", json_body="fine")
        self.assertEqual(got.json, {"n": 1, "checked": True})
        self.assertEqual(self.worker.call("api.order").json, [
            "accept", "before", "validate_input", "handle", "validate_output", "after", "finalize"])

    def test_hooks_can_refuse(self):
        self.assertEqual(self.worker.call("api.hooks", json_body="invalid").status, 400)
        self.assertEqual(self.worker.call("api.order").json,
                         ["accept", "before", "validate_input", "finalize"])
        self.assertEqual(self.worker.call("api.hooks", json_body="refuse").status, 400)
        self.assertEqual(self.worker.call("api.order").json, ["accept"])

    def test_nothing_of_one_call_reaches_the_next(self):
        for _ in range(10):
            self.assertEqual(self.worker.call("api.context").json, {"before": 28})
            self.assertEqual(self.worker.call("api.state").json, {"fresh": True})

    def test_a_broken_cid_or_header_does_not_break_the_worker(self):
        got = self.worker.call("api.see", body=b"\xff\xfe", headers=b"X-Thing: \xff\r\nbroken\r\n")
        self.assertIn(got.status, (200, 500))
        self.assertEqual(json.loads(self.worker.call("api.answer", query="kind=list").body)[0], 1)


del WorkerCase, Api
if __name__ == "__main__":
    unittest.main()
