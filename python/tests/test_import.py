"""TRIAL, BIND and RELEASE: what is imported, what is refused, what lives side by side."""

import unittest

from harness import BIND, RELEASE, TRIAL, TRIED, WorkerCase, in_each_mode

VERSION = """
    from zato.server.service import Service
    class Which(Service):
        def handle(self):
            self.response.payload = {{"version": {0}}}
"""


@in_each_mode
class Imports(WorkerCase):
    def refused(self, source, file="broken.py"):
        _spec, tried = self.worker.trial(source, file)
        self.assertNotIn("services", tried)
        return tried["error"]

    def names(self, source, file="naming.py"):
        _spec, tried = self.worker.trial(source, file)
        return [service["name"] for service in tried["services"]]

    def test_a_trial_describes_every_service(self):
        _spec, tried = self.worker.trial('''
            from dataclasses import dataclass
            from zato.server.service import Int, Model, Service
            from zato.common.typing_ import optional

            @dataclass(init=False)
            class Person(Model):
                name: str
                age: optional[int]

            class GetUserByID(Service):
                """Finds a user.

                By id.
                """
                input = "user_id", "-verbose"
                output = "name", Int("-age")
                def handle(self): ...

            class Second(Service):
                name = "api.second"
                input = Person
                def handle_POST(self): ...
        ''', "my_mod.py")
        first, second = tried["services"]
        self.assertEqual(first, {
            "name": "my-mod.get-user-by-id", "class_name": "GetUserByID", "line": 11,
            "documentation": "Finds a user.\n\nBy id.", "input": ["user_id", "-verbose"],
            "output": ["name", "-age"]})
        self.assertEqual((second["name"], second["input"]), ("api.second", ["name", "-age"]))

    def test_a_base_class_for_built_in_services_makes_services_as_any(self):
        self.assertEqual(self.names("""
            from zato.server.service import AdminService
            class Report(AdminService):
                def handle(self): ...
        """), ["naming.report"])

    def test_what_zato_has_and_bascule_has_not_is_named(self):
        error = self.refused("""
            from zato.server.service import WSXAdapter
        """)
        self.assertIn("'WSXAdapter'", error["message"])

    def test_only_services_that_the_file_defines_count(self):
        self.assertEqual(self.names("""
            from bascule import Service
            class Base(Service):
                "No handler: not a service."
            class Hidden(Service):
                zato_dont_import = True
                def handle(self): ...
            class Shy(Service):
                def handle(self): ...
                @staticmethod
                def before_add_to_store(logger):
                    return False
            class HTTPThing2(Base):
                def handle_GET(self): ...
            Alias = HTTPThing2
        """), ["naming.http-thing2"])

    def test_two_services_of_one_name_are_refused(self):
        error = self.refused("""
            from bascule import Service
            class A(Service):
                name = "x"
                def handle(self): ...
            class B(Service):
                name = "x"
                def handle(self): ...
        """)
        self.assertIn("classes A (line 3) and B (line 6) are both named 'x'", error["message"])
        self.assertEqual((error["line"], error["traceback"]), (6, ""))

    def test_two_classes_of_one_name_are_refused_with_both_lines(self):
        error = self.refused("""
            from bascule import Service
            class A(Service):
                def handle(self): ...
            class A(Service):
                def handle(self): ...
        """)
        self.assertIn("two classes are named A (lines 3 and 5)", error["message"])
        self.assertEqual(self.names("""
            from bascule import Service
            class A(Service):
                def handle(self): ...
            class A(A):
                "Extends what it replaces."
        """), ["naming.a"])

    def test_a_file_without_a_service_is_refused(self):
        for source in ("x = 1\n", "from bascule import Service\n", """
            from bascule import Service
            class Hidden(Service):
                zato_dont_import = True
                def handle(self): ...
        """):
            with self.subTest(source):
                self.assertEqual(self.refused(source)["message"], "broken.py declares no service")

    def test_a_class_without_a_handle_method_is_refused_unless_others_derive_from_it(self):
        error = self.refused("""
            from bascule import Service
            class Fine(Service):
                def handle(self): ...
            class Mistyped(Service):
                def handel(self): ...
        """)
        self.assertEqual((error["message"], error["line"], error["file"]), (
            "class Mistyped (line 5) has no handle method", 5, "broken.py"))
        based = """
            from bascule import Service
            class Base(Service):
                {0}
                def helper(self): ...
            class Fine(Base):
                def handle(self): ...
        """
        self.assertEqual(self.names(based.format("")), ["naming.fine"])
        self.assertIn("class Base (line 3) has no handle",
                      self.refused(based.format("name = 'base'"))["message"])

    def test_a_refused_file_is_refused_again_and_leaves_nothing(self):
        spec, first = self.worker.trial("x = 1\n", "hollow.py")
        self.assertEqual(self.worker.ask(TRIAL, {"package": spec})["error"], first["error"])

    def test_a_message_of_any_length_is_cut(self):
        for source in ("raise ValueError('x' * (90 << 20))",
                       "raise ValueError from ValueError('x' * (90 << 20))",
                       "raise type('X' * (20 << 20), (Exception,), {})",
                       "from bascule import Service\nclass A(Service):\n"
                       "    name = 'x' * (20 << 20)\n    def handle(self): ..."):
            with self.subTest(source):
                error = self.refused(source)
                self.assertLess(len(error["message"]), 9000)
                self.assertLess(len(error["traceback"]), 70000)

    def test_a_description_too_long_for_a_frame_is_refused(self):
        error = self.refused("""
            from bascule import Service
            class A(Service):
                input = "x" * (17 << 20)
                def handle(self): ...
        """)
        self.assertIn("more than 16777216", error["message"])
        self.assertEqual(self.names("""
            from bascule import Service
            class A(Service):
                def handle(self): ...
            A.__doc__ = "x" * (17 << 20)
        """), ["naming.a"])

    def test_a_syntax_error_has_the_users_file_and_line(self):
        error = self.refused("import os\n\ndef f(:\n    pass\n")
        self.assertEqual((error["file"], error["line"]), ("broken.py", 3))
        self.assertTrue(error["message"].startswith("SyntaxError: "), error)
        self.assertIn('File "broken.py", line 3', error["traceback"])
        self.assertNotIn(self.worker.folder.name, error["traceback"])

    def test_an_exception_has_the_innermost_line_of_the_users_file(self):
        error = self.refused("def f():\n    return nmae\n\nf()\n")
        self.assertEqual((error["file"], error["line"]), ("broken.py", 2))
        self.assertEqual(error["message"], "NameError: name 'nmae' is not defined")
        self.assertIn("return nmae", error["traceback"])
        self.assertNotIn("importer.py", error["traceback"])
        self.assertNotIn(self.worker.folder.name, error["traceback"])

    def test_a_missing_module_names_the_import_line(self):
        error = self.refused("x = 1\nimport no_such_module_at_all\n")
        self.assertEqual(error["line"], 2)
        self.assertIn("no_such_module_at_all", error["message"])

    def test_sys_exit_at_import_is_a_refusal(self):
        self.assertIn("SystemExit", self.refused("import sys\nsys.exit(3)\n")["message"])
        self.assertEqual(self.worker.ping(), 1)

    def test_bad_bytes_and_missing_files_are_refusals(self):
        self.assertIn("Syntax", self.refused(b"\xff\xfe = 1\n")["message"])
        self.assertIn("null", self.refused(b"x = 1\0\n")["message"].lower())
        answer = self.worker.ask(TRIAL, {"package": {
            "id": "none", "file": "a.py", "module": "a", "path": "/nowhere/at/all.py"}})
        self.assertIn("FileNotFoundError", answer["error"]["message"])

    def test_a_declaration_that_cannot_be_is_refused_at_import(self):
        error = self.refused("""
            from bascule import Service
            class Wrong(Service):
                input = 5
                def handle(self): ...
        """)
        self.assertIn("5 is no element", error["message"])

    def test_a_failed_import_leaves_nothing_behind(self):
        self.refused("import sys\nassert 0\n", "leftover.py")
        self.worker.deploy(("look.py", """
            import linecache, sys
            from bascule import Service
            from bascule.tracebacks import user_files
            class Look(Service):
                def handle(self):
                    return {"modules": "leftover" in sys.modules,
                            "files": "leftover.py" in user_files.values()}
        """))
        self.assertEqual(self.worker.call("look.look").json, {"modules": False, "files": False})

    def test_old_and_new_serve_side_by_side_until_release(self):
        first = self.worker.deploy(("which.py", VERSION.format(1)))
        old = self.worker.handles["which.which"]
        self.worker.deploy(("which.py", VERSION.format(2)))
        self.assertEqual(self.worker.call(None, handle=old).json, {"version": 1})
        self.assertEqual(self.worker.call("which.which").json, {"version": 2})
        self.worker.control.send(RELEASE, b'{"set":%d}' % first)
        self.worker.ping()
        self.assertEqual(self.worker.call(None, handle=old).status, 503)
        self.assertEqual(self.worker.call("which.which").json, {"version": 2})

    def test_a_refused_version_leaves_the_old_one_serving(self):
        self.worker.deploy(("which.py", VERSION.format(3)))
        self.refused("def f(:", "which.py")
        self.assertEqual(self.worker.call("which.which").json, {"version": 3})

    def test_the_same_package_is_imported_once(self):
        spec, _tried = self.worker.trial("""
            import builtins
            from bascule import Service
            builtins.imported_times = getattr(builtins, "imported_times", 0) + 1
            class Times(Service):
                def handle(self):
                    return {"times": builtins.imported_times}
        """, "times.py")
        self.worker.ask(TRIAL, {"package": spec})
        self.worker.bind([spec], [("times.times", spec["id"])])
        self.worker.bind([spec], [("times.times", spec["id"])])
        self.assertEqual(self.worker.call("times.times").json, {"times": 1})

    def test_a_bind_is_whole_or_nothing(self):
        good, bad = self.worker.package(VERSION.format(4), "which.py"), self.worker.package("1/0")
        request = {"set": 900, "packages": [good, bad],
                   "services": [[9001, "which.which", good["id"]]]}
        bound = self.worker.ask(BIND, request)
        self.assertEqual((bound["package"], bound["error"]["line"]), (bad["id"], 1))
        self.assertEqual(self.worker.call(None, handle=9001).status, 503)
        request["packages"].pop()
        request["services"].append([9002, "which.other", good["id"]])
        bound = self.worker.ask(BIND, request)
        self.assertIn("no service 'which.other'", bound["error"]["message"])
        self.assertEqual(self.worker.call(None, handle=9001).status, 503)

    def test_an_import_that_hangs_blocks_no_call(self):
        self.worker.deploy(("which.py", VERSION.format(5)), ("gate.py", """
            import threading
            from bascule import Service
            import builtins
            builtins.import_gate = threading.Event()
            class Open(Service):
                def handle(self):
                    builtins.import_gate.set()
        """))
        spec = self.worker.package("import builtins\nbuiltins.import_gate.wait()\n", "hangs.py")
        self.worker.control.send(TRIAL, b'{"request":77,"package":%s}' % (
            __import__("json").dumps(spec).encode()))
        self.assertEqual(self.worker.call("which.which").json, {"version": 5})
        self.assertEqual(self.worker.ping(5), 5)
        self.worker.call("gate.open")
        kind, _id, payload = self.worker.control.receive()
        self.assertEqual((kind, payload), (TRIED, (
            b'{"request":77,"error":{"file":"hangs.py","line":0,'
            b'"message":"hangs.py declares no service","traceback":""}}')))

    def test_inspect_and_the_modules_own_name_work(self):
        self.worker.deploy(("seen.py", """
            import inspect, sys
            from bascule import Service
            class Source(Service):
                def handle(self):
                    return {"name": __name__, "class": inspect.getsource(Source)[:13],
                            "method": inspect.getsource(Source.handle).strip()[:10],
                            "module": sys.modules[__name__].Source is Source}
        """))
        self.assertEqual(self.worker.call("seen.source").json, {
            "name": "seen", "class": "class Source(", "method": "def handle", "module": True})

    def test_typing_by_name_is_switched_off_for_one_file_only(self):
        source = """
            from bascule import Service
            {0}
            class Read(Service):
                input = "user_id"
                def handle(self):
                    return {{"user_id": self.request.input.user_id}}
        """
        self.worker.deploy(("plain.py", source.format("auto_typing = False")),
                           ("typed.py", source.format("")))
        body = {"user_id": "5"}
        self.assertEqual(self.worker.call("plain.read", json_body=body).json, {"user_id": "5"})
        self.assertEqual(self.worker.call("typed.read", json_body=body).json, {"user_id": 5})

    def test_a_file_named_like_a_module_of_python_shadows_nothing(self):
        self.worker.deploy(("json.py", """
            from bascule import Service
            class Shadow(Service):
                def handle(self):
                    import json
                    return {"real": hasattr(json, "loads"), "name": __name__}
        """))
        self.assertEqual(self.worker.call("json.shadow").json, {"real": True, "name": "json"})

    def test_future_annotations_in_models_resolve_in_their_own_version(self):
        self.worker.deploy(("later.py", """
            from __future__ import annotations
            from dataclasses import dataclass
            from bascule import Model, Service
            @dataclass
            class Inner(Model):
                n: int
            @dataclass(init=False)
            class Outer(Model):
                inner: Inner
                many: list[Inner]
            class Read(Service):
                input = Outer
                def handle(self):
                    outer = self.request.input
                    return {"n": outer.inner.n, "many": [one.n for one in outer.many]}
        """))
        answer = self.worker.call("later.read", json_body={"inner": {"n": "1"}, "many": [{"n": 2}]})
        self.assertEqual(answer.json, {"n": 1, "many": [2]})
        answer = self.worker.call("later.read", json_body={"inner": {"n": 1}, "many": [{}]})
        self.assertEqual(answer.json["details"], "Element missing: /many[0]/n")


del WorkerCase, Imports
if __name__ == "__main__":
    unittest.main()
