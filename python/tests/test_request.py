"""Forms and query strings, also those that nobody sends in good faith."""

import unittest

import harness  # noqa: F401 - puts the package on the path

from bascule.exceptions import BadRequest
from bascule.request import FIELDS_MAX, end_to_end, parse_form, parse_headers, parse_pairs

MULTIPART = "multipart/form-data; boundary=X"


def part(name, value):
    return f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'


class Forms(unittest.TestCase):
    def test_a_repeated_name_gets_a_list_in_order(self):
        self.assertEqual(parse_pairs("a=1&b=&a=2&a=3"), {"a": ["1", "2", "3"], "b": ""})

    def test_the_most_fields_are_taken_and_one_more_is_refused(self):
        most = "&".join(["a"] * FIELDS_MAX)
        self.assertEqual(parse_pairs(most), {"a": [""] * FIELDS_MAX})
        for act in (lambda: parse_pairs(most + "&a"), lambda: parse_form((most + "&a").encode(), "")):
            with self.assertRaisesRegex(BadRequest, "more than 1000 fields"):
                act()

    def test_the_parts_of_a_multipart_form_are_counted_as_well(self):
        few = "".join(part(f"n{number}", number) for number in range(3)) + "--X--\r\n"
        self.assertEqual(parse_form(few.encode(), MULTIPART), {"n0": "0", "n1": "1", "n2": "2"})
        many = "".join(part("n", "v") for _ in range(FIELDS_MAX + 1)) + "--X--\r\n"
        with self.assertRaises(BadRequest):
            parse_form(many.encode(), MULTIPART)


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
