"""The headers that a service sees."""

import unittest

import harness  # noqa: F401 - puts the package on the path

from bascule.request import end_to_end, parse_headers

class Call:
    cid, remote = "cid-1", "[::1]:5"


class EndToEnd(unittest.TestCase):
    def see(self, *lines):
        return dict(end_to_end(parse_headers("".join(line + "\r\n" for line in lines).encode()), Call))

    def test_what_concerns_one_connection_is_gone_and_what_a_balancer_adds_is_there(self):
        seen = self.see("Host: x:1", "Connection: X-Hop, cookie", "X-Hop: 1", "Keep-Alive: 5", "TE: trailers",
                        "Proxy-Authorization: p", "Cookie: c", "Content-Length: 2")
        self.assertEqual(seen, {
            "host": "x:1", "cookie": "c", "content-length": "2", "x-request-id": "cid-1", "x-forwarded-for": "::1",
            "x-forwarded-proto": "http", "x-forwarded-host": "x:1"})

    def test_what_a_member_said_stays(self):
        seen = self.see("Host: x", "X-Request-ID: c", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Host: y")
        self.assertEqual((seen["x-request-id"], seen["x-forwarded-for"], seen["x-forwarded-host"]), ("c", "9.9.9.9", "y"))


if __name__ == "__main__":
    unittest.main()
