"""JSON is the same with orjson and without."""

import dataclasses
import datetime
import decimal
import enum
import faulthandler
import tracemalloc
import unittest
import uuid
from unittest import mock

import harness  # noqa: F401 - puts the package on the path

from bascule import jsonio
from bascule.exceptions import JSONValidationException, OutputError

WRITERS = {"std": jsonio.dumps_std, "dumps": jsonio.dumps}


def result(act, value):
    try:
        return act(value)
    except (JSONValidationException, OutputError) as error:
        return type(error), str(error)


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: int
    _hidden: int = 2


class Same(unittest.TestCase):
    def test_reading(self):
        for body in (
            b'{"a":1,"a":2}', b"[1e400]", b"18446744073709551616", b"-9223372036854775809",
            b"123456789012345678901234567890", b'"\\ud83d\\ude00"', b'"\\ud800"', b"NaN",
            b"[Infinity]", b"[-Infinity]", b"", b"  ", b' {"a" : [ ] } ', b"{'a':1}", b"[1,]",
            b"01", b'"\x01"', b'"\xff"', b"\xef\xbb\xbf[1]", b"nul", b'{"a"}', b"[" * 300,
            b"1.0", b"1e2", b"-0", b"-0.0", "\"ü\"".encode(), b"[1] []", b"[0.1,1E5]",
        ):
            with self.subTest(body[:40]):
                with mock.patch.object(jsonio, "orjson", None):
                    std = result(jsonio.loads, body)
                self.assertEqual(repr(result(jsonio.loads, body)), repr(std))

    def test_of_duplicate_keys_the_last_wins(self):
        self.assertEqual(jsonio.loads(b'{"a":1,"a":2}'), {"a": 2})

    def test_depth_is_limited_and_width_is_not(self):
        deep = b"[" * 128 + b"]" * 128
        self.assertIsInstance(jsonio.loads(deep), list)
        for body in (b"[" + deep + b"]", b'{"a":' * 129 + b"1" + b"}" * 129):
            with self.assertRaisesRegex(JSONValidationException, "deeper than 128"):
                jsonio.loads(body)
        wide = b"[" + b",".join([b'{"a":["]]]","{{{\\""]}'] * 500) + b"]"
        self.assertEqual(len(jsonio.loads(wide)), 500)

    def test_depth_is_found_in_one_pass_whatever_the_text_is(self):
        # Each of these took a time or a memory that grew with its square, or far beyond it.
        faulthandler.dump_traceback_later(60, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        many, length = b"[]," * 200, 1 << 21
        for body in (
            b"[" + many + b'"' + b'\\"' * length,
            b"[" + many + b'"' + b"\\" * length,
            b"[" + many + b'"' * length,
            b"[" + many + b'"' + b"x" * length + b'"]',
            (b"[" * 100 + b"]" * 100 + b",") * (length // 200),
            b"][" * length,
        ):
            tracemalloc.start()
            self.assertFalse(jsonio._too_deep(body), body[-20:])
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            self.assertLess(peak, 40 * len(body), body[-20:])

    def test_brackets_in_strings_are_no_depth_and_escapes_do_not_hide_any(self):
        many = b"[]," * 200
        for inside in (b"[" * 300, b'\\"' + b"[" * 300, b"\\\\", b'\\\\\\"' + b"[" * 300):
            self.assertFalse(jsonio._too_deep(b"[" + many + b'"' + inside + b'"]'), inside[:9])
        self.assertTrue(jsonio._too_deep(b'["\\\\",' + b"[" * 200 + b'"\\\\"'))

    def test_writing(self):
        for value in (
            {"a": [1, 2.5, None, True, "ü\u2028\x00"]}, {2: "a", None: "b", True: "c"}, 2**64,
            2**80, float("nan"), [float("inf")], {"p": Point(1)}, Level.LOW, {"l": Level.LOW},
            datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc),
            datetime.datetime(2026, 1, 2), datetime.date(2026, 1, 2), datetime.time(1, 2),
            decimal.Decimal("1.10"), uuid.UUID(int=3), (1, 2), "\ud800", object(), {"s": {1}},
            b"bytes", [[]] * 3, {"x": 1e16},
        ):
            with self.subTest(repr(value)):
                std, fast = result(jsonio.dumps_std, value), result(jsonio.dumps, value)
                if isinstance(std, bytes) and isinstance(fast, bytes):
                    std, fast = jsonio.loads_std(std), jsonio.loads_std(fast)
                self.assertEqual(fast, std)

    def test_what_cannot_be_written_is_named(self):
        with self.assertRaisesRegex(OutputError, "builtins.set cannot be written"):
            jsonio.dumps({"a": {1}})

    def test_output_is_compact_utf_8(self):
        for write in WRITERS.values():
            self.assertEqual(write({"a": ["ü", 1]}), '{"a":["ü",1]}'.encode())


if __name__ == "__main__":
    unittest.main()
