"""The frames that the Rust codec is tested with mean the same to the worker."""

import unittest

from harness import PACKAGE

from bascule._worker.frames import (
    PING, STOP, FrameReader, control_frame, error_frame, reply_frame,
)
from bascule.request import HTTPRequest, parse_headers

FRAMES = PACKAGE.parent / "dataplane" / "codec" / "testdata" / "frames"


def golden(name):
    return (FRAMES / f"{name}.bin").read_bytes()


def read(data, how="calls"):
    reader = FrameReader()
    reader.view[: len(data)] = data
    reader.end = len(data)
    return reader.calls(None) if how == "calls" else reader.controls()


@unittest.skipUnless(FRAMES.is_dir(), "the package is here without the Rust sources")
class Golden(unittest.TestCase):
    def test_call_get(self):
        (call,) = read(golden("call_get"))
        http = HTTPRequest(call)
        self.assertEqual((call.id, call.head[0], call.head[1]), (7, 3, 30000))
        self.assertEqual((call.cid, call.channel, call.path), ("c-1", "my.channel", "/a/b"))
        self.assertEqual((call.method, call.query, call.params), ("GET", "x=1&y=2",
                                                                  {"name": "Jürgen"}))
        self.assertEqual((call.remote, call.body), ("127.0.0.1:5000", b""))
        self.assertEqual((call.is_json, call.from_api), (False, False))
        self.assertEqual(parse_headers(call.header_block), {"host": "example.com", "accept": "*/*"})
        self.assertEqual(http.GET, {"x": "1", "y": "2"})

    def test_call_post_json(self):
        (call,) = read(golden("call_post_json"))
        self.assertEqual((call.id, call.head[0], call.head[1]), (2**32 - 1, 2**32 - 1, 0))
        self.assertEqual((call.method, call.is_json, call.from_api), ("POST", True, True))
        self.assertEqual((call.query, call.params, call.remote), ("", {}, "[::1]:1"))
        self.assertEqual((call.body, call.payload()), (b'{"a":1}', {"a": 1}))

    def test_call_with_another_method(self):
        (call,) = read(golden("call_other"))
        self.assertEqual((call.method, call.body), ("PROPFIND", bytes(range(256))))
        self.assertEqual(parse_headers(call.header_block), {"host": "a"})

    def test_cancel_and_frames_after_each_other(self):
        data = golden("call_get") + golden("cancel") + golden("call_other")
        first, second, third = read(data)
        self.assertEqual((first.id, second, third.id), (7, 9, 1))

    def test_a_frame_cut_anywhere_is_not_yet_there(self):
        data = golden("call_get")
        for cut in range(len(data)):
            self.assertEqual(read(data[:cut]), [])

    def test_replies(self):
        self.assertEqual(
            reply_frame(7, 201, b"application/json", b"X-A: b\r\nX-C: d\r\n", b'{"ok":true}'),
            golden("reply"))
        self.assertEqual(reply_frame(8, 204, b"", b"", b""), golden("reply_empty"))

    def test_error(self):
        self.assertEqual(
            error_frame(9, 500, b"ValueError", b"application/json",
                        b"Traceback: line 1\nValueError: no\n", b"X-A: b\r\n",
                        b'{"result":"Error"}'),
            golden("error"))

    def test_control(self):
        self.assertEqual(read(golden("ping"), "controls"), [(PING, b'{"n":1}')])
        self.assertEqual(read(golden("stop"), "controls"), [(STOP, b"{}")])
        self.assertEqual(control_frame(STOP, b"{}"), golden("stop"))


if __name__ == "__main__":
    unittest.main()
