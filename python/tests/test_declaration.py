"""Input and output declarations, Models, typing by name."""

import datetime
import decimal
import enum
import sys
import unittest
import uuid
from dataclasses import dataclass, field
from typing import Literal, Optional

import harness  # noqa: F401 - puts the package on the path

from bascule import (
    CSV, UUID, AsIs, BadRequest, Bool, Date, DateTime, Decimal, Dict, DictList, ElementInvalid,
    ElementMissing, Float, Int, List, Model, OutputError, Secret, Text, require_any,
)
from bascule.declaration import compile_input, compile_output
from zato.common.typing_ import list_, list_field, optional


def read(declared, body=None, params=None, **more):
    cls = type("S", (), {"input": declared, **more})
    return compile_input(cls).read(body, params or {})


def write(declared, payload, **more):
    return compile_output(type("S", (), {"output": declared, **more})).write(payload)


class ShortForm(unittest.TestCase):
    def test_required_optional_and_defaults(self):
        got = read(("a", "-b", Int("-c"), Int("d", default=4)), {"a": "x"})
        self.assertEqual(got, {"a": "x", "b": None, "c": None, "d": 4})
        self.assertEqual((got.a, got["d"]), ("x", 4))
        with self.assertRaises(AttributeError):
            _ = got.unknown

    def test_a_default_container_belongs_to_one_call(self):
        declared = compile_input(type("S", (), {"input": (List("-tags", default=[]), Dict("-d", default={"k": []}))}))
        first = declared.read({}, {})
        first.tags.append("mine")
        first.d["k"].append("mine")
        self.assertEqual(declared.read({}, {}), {"tags": [], "d": {"k": []}})

    def test_an_element_that_two_declarations_share_stays_as_it_was_written(self):
        page = Int("page")

        class Optional_:
            class SimpleIO:
                input_optional = (page,)

        compile_input(Optional_)
        self.assertTrue(page.required)
        with self.assertRaises(ElementMissing):
            read(page, {})

    def test_a_single_string_is_a_declaration(self):
        self.assertEqual(read("a", {"a": "x"}), {"a": "x"})

    def test_a_missing_element_is_named(self):
        with self.assertRaises(ElementMissing) as caught:
            read(("a", "b"), {"a": 1})
        self.assertEqual(str(caught.exception), "Element missing: /b")

    def test_path_and_query_win_over_the_body(self):
        self.assertEqual(read(("a", "b"), {"a": "body", "b": "body"}, {"a": "path"}),
                         {"a": "path", "b": "body"})

    def test_a_body_that_is_no_object_is_refused(self):
        for body in ([1], "text", 5):
            with self.assertRaises(ElementInvalid):
                read("a", body)

    def test_every_type_reads_and_refuses(self):
        moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        for element, raw, value, wrong in (
            (Int("e"), "5", 5, ("x", True, 5.5, None, [], "")),
            (Float("e"), "5.5", 5.5, ("x", True, None)),
            (Bool("e"), "Yes", True, ("maybe", None, [])),
            (Decimal("e"), "1.10", decimal.Decimal("1.10"), ("x", True, [])),
            (Text("e"), 5, "5", ([], {}, None)),
            (Secret("e"), "s", "s", ([],)),
            (UUID("e"), str(uuid.UUID(int=7)), uuid.UUID(int=7), ("x", 5)),
            (DateTime("e"), "2026-01-02T03:04:05Z", moment, ("x", 5)),
            (Date("e"), "2026-01-02", datetime.date(2026, 1, 2), ("2026-13-02", 5)),
            (List("e"), "one", ["one"], ({}, None)),
            (Dict("e", "k", "-o"), {"k": 1}, {"k": 1}, ({}, [], "x")),
            (DictList("e"), [{}], [{}], ([1], {})),
            (CSV("e"), 'a,"b,c"', ["a", "b,c"], (5,)),
        ):
            self.assertEqual(read((element,), {"e": raw}), {"e": value})
            for bad in wrong:
                with self.subTest(element=element, bad=bad), self.assertRaises(ElementInvalid):
                    read((element,), {"e": bad})
        self.assertEqual(read((AsIs("e"),), {"e": [None]}), {"e": [None]})

    def test_at_least_one_of(self):
        declared = require_any("email", "phone")
        self.assertEqual(read(declared, {"phone": "1"}), {"email": None, "phone": "1"})
        with self.assertRaises(BadRequest):
            read(declared, {})

    def test_names_give_types_unless_switched_off(self):
        names = ("user_id", "id", "is_open", "page_size", "name")
        body = {"user_id": "5", "id": "6", "is_open": "true", "page_size": "7", "name": 8}
        self.assertEqual(read(names, body),
                         {"user_id": 5, "id": 6, "is_open": True, "page_size": 7, "name": "8"})
        with self.assertRaises(ElementInvalid):
            read(("user_id",), {"user_id": "abc"})
        self.assertEqual(read(("user_id",), {"user_id": "abc"}, auto_typing=False),
                         {"user_id": "abc"})


class FullForm(unittest.TestCase):
    class SimpleIO:
        input_required = "a", Int("n")
        input_optional = "b"
        output_required = ("x",)
        output_optional = ("y", "z")
        default_value = "-"
        response_elem = "answer"
        skip_empty_keys = False

    def test_input_and_output(self):
        cls = type("S", (), {"SimpleIO": self.SimpleIO})
        self.assertEqual(compile_input(cls).read({"a": "1", "n": "2"}, {}),
                         {"a": "1", "n": 2, "b": "-"})
        self.assertEqual(compile_output(cls).write({"x": 1, "y": True, "extra": 5}),
                         {"answer": {"x": "1", "y": True, "z": "-"}})

    def test_no_declaration_is_none(self):
        self.assertIsNone(compile_input(type("S", (), {})))
        self.assertIsNone(compile_output(type("S", (), {"output": None})))


class Output(unittest.TestCase):
    def test_attributes_rows_and_objects_are_written(self):
        declaration = compile_output(type("S", (), {"output": ("a", Int("-n"))}))
        payload = declaration.payload()
        payload.a, payload.n = "x", "5"
        self.assertEqual(declaration.write(payload), {"a": "x", "n": 5})
        with self.assertRaises(AttributeError):
            payload.unknown = 1
        payload.append({"a": 1})
        self.assertEqual((len(payload), declaration.write(payload)), (1, [{"a": "1", "n": None}]))
        row = type("Row", (), {"a": "attr", "n": 2})()
        self.assertEqual(declaration.write([row]), [{"a": "attr", "n": 2}])

    def test_empty_repeated_output_is_an_empty_list(self):
        declaration = compile_output(type("S", (), {"output": "a", "output_repeated": True}))
        self.assertEqual(declaration.write(declaration.payload()), [])

    def test_a_missing_or_wrong_element_is_our_fault(self):
        with self.assertRaisesRegex(OutputError, "/a"):
            write("a", {})
        with self.assertRaisesRegex(OutputError, "/n"):
            write(Int("n"), {"n": "x"})

    def test_text_passes(self):
        self.assertEqual(write("a", "raw"), "raw")


class Color(enum.Enum):
    RED = "red"


@dataclass(init=False)
class Inner(Model):
    n: int
    color: Color = Color.RED


@dataclass(init=False)
class Outer(Model):
    name: str
    inner: Inner
    many: list_[Inner]
    note: optional[str]
    tags: list_[str] = list_field()
    kind: Literal["a", "b"] = "a"
    when: Optional[datetime.datetime] = None
    price: decimal.Decimal = decimal.Decimal("1.5")


class Plain(Model):
    a: int
    b: bool = True
    c: list = []

    def after_created(self, ctx):
        if self.a < 0:
            raise BadRequest("a is negative in " + repr(sorted(ctx.data)))


GOOD = {"name": "x", "inner": {"n": "1"}, "many": [{"n": 2, "color": "red"}], "extra": 1}


class Models(unittest.TestCase):
    def test_nested_models_round_trip(self):
        outer = Outer.from_dict(GOOD)
        self.assertEqual((outer.inner.n, outer.many[0].color, outer.note), (1, Color.RED, None))
        self.assertEqual(Outer.from_json(outer.to_json()), outer)
        self.assertEqual(outer.clone(), outer)
        self.assertIsNot(outer.clone().inner, outer.inner)
        self.assertEqual(Outer.declared(), ["name", "inner", "many", "-note", "-tags", "-kind",
                                            "-when", "-price"])

    def test_what_is_missing_or_wrong_is_named_by_its_path(self):
        for change, error, text in (
            ({"inner": {}}, ElementMissing, "Element missing: /inner/n"),
            ({"many": [{"n": 1}, {}]}, ElementMissing, "Element missing: /many[1]/n"),
            ({"many": {}}, ElementInvalid, "/many (must be a list)"),
            ({"inner": 5}, ElementInvalid, "/inner (must be an object)"),
            ({"inner": {"n": "x"}}, ElementInvalid, "/inner/n (must be a whole number)"),
            ({"name": None}, ElementInvalid, "/name (must be text)"),
            ({"kind": "c"}, ElementInvalid, "/kind (must be one of a, b)"),
            ({"when": "soon"}, ElementInvalid, "/when (must be a date and time, ISO 8601)"),
            ({"inner": {"n": 1, "color": "blue"}}, ElementInvalid, "(must be one of red)"),
        ):
            with self.subTest(text), self.assertRaises(error) as caught:
                Outer.from_dict({**GOOD, **change})
            self.assertIn(text, str(caught.exception))

    def test_a_model_needs_no_dataclass(self):
        first, second = Plain.from_dict({"a": 1}), Plain.from_dict({"a": 1})
        first.c.append(1)
        self.assertEqual((second.c, Plain(a=5).to_dict()), ([], {"a": 5, "b": True, "c": []}))

    def test_after_created_may_refuse(self):
        with self.assertRaisesRegex(BadRequest, "negative in"):
            Plain.from_dict({"a": -1})

    def test_a_model_may_be_input_and_output(self):
        self.assertEqual(read(Plain, {"a": "1"}, {"b": "false"}).to_dict(),
                         {"a": 1, "b": False, "c": []})
        self.assertEqual(write(Plain, Plain(a=1)), {"a": 1, "b": True, "c": []})
        self.assertEqual(write(Plain, [{"a": 1}]), [{"a": 1, "b": True, "c": []}])
        with self.assertRaises(OutputError):
            write(Plain, {})

    def test_a_default_belongs_to_one_model_with_all_that_it_holds(self):
        class Line(Model):
            sku: str = "a"

        class Order(Model):
            tags: dict = {"k": []}
            first: Line = Line(sku="b")

        order = Order.from_dict({})
        order.tags["k"].append("mine")
        order.first.sku = "mine"
        self.assertEqual(Order.from_dict({}).to_dict(), {"tags": {"k": []}, "first": {"sku": "b"}})

    def test_a_field_needs_no_dataclass(self):
        class Page(Model):
            size: int = field(default=5)
            names: list = field(default_factory=list)
            number: int = field()

        self.assertEqual(Page.from_dict({"number": 1}).to_dict(), {"size": 5, "names": [], "number": 1})
        with self.assertRaises(ElementMissing):
            Page.from_dict({})

    def test_modern_annotations(self):
        @dataclass
        class Modern(Model):
            a: int | None
            b: dict[str, int] = field(default_factory=dict)

        self.assertEqual(Modern.from_dict({"a": None}).to_dict(), {"a": None, "b": {}})

    def test_a_dataclass_with_slots(self):
        if sys.version_info < (3, 11):
            self.skipTest("slots need 3.11 here")

        @dataclass(init=False, slots=True)
        class Slim(Model):
            a: "int"

        self.assertEqual(Slim.from_dict({"a": "1"}).a, 1)


if __name__ == "__main__":
    unittest.main()
