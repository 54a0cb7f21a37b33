"""Forms and query strings, also those that nobody sends in good faith."""

import random
import sys
import unittest

import harness  # noqa: F401 - puts the package on the path

from bascule.exceptions import BadRequest
from bascule.forms import FIELDS_MAX, parse_form, parse_pairs

MULTIPART = "multipart/form-data; boundary=X"


def part(name, value):
    return f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'


def multipart(*lines, end="\r\n"):
    return parse_form(end.join(lines).encode(), MULTIPART)


def work(act):
    """How many calls of Python and C functions it takes, and the BadRequest that ends it."""
    count, refused = 0, None

    def see(_frame, event, _what):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        act()
    except BadRequest as error:
        refused = str(error)
    finally:
        sys.setprofile(None)
    return count, refused


class Forms(unittest.TestCase):
    def test_a_repeated_name_gets_a_list_in_order(self):
        self.assertEqual(parse_pairs("a=1&b=&a=2&a=3"), {"a": ["1", "2", "3"], "b": ""})
        form = part("a", 1) + part("b", "") + part("a", 2) + part("a", 3) + "--X--\r\n"
        self.assertEqual(parse_form(form.encode(), MULTIPART), {"a": ["1", "2", "3"], "b": ""})

    def test_the_most_fields_are_taken_and_one_more_is_refused(self):
        most = "&".join(["a"] * FIELDS_MAX)
        self.assertEqual(parse_pairs(most), {"a": [""] * FIELDS_MAX})
        for act in (lambda: parse_pairs(most + "&a"), lambda: parse_form((most + "&a").encode(), "")):
            with self.assertRaisesRegex(BadRequest, "more than 1000 fields"):
                act()

    def test_the_parts_of_a_multipart_form_are_counted_before_they_are_read(self):
        few = "".join(part(f"n{number}", number) for number in range(3)) + "--X--\r\n"
        self.assertEqual(parse_form(few.encode(), MULTIPART), {"n0": "0", "n1": "1", "n2": "2"})
        most = "".join(part("n", "v") for _ in range(FIELDS_MAX))
        self.assertEqual(parse_form(f"{most}--X--\r\n".encode(), MULTIPART), {"n": ["v"] * FIELDS_MAX})
        for times in (1, 50):
            body = (most * times + part("n", "v")).encode()
            calls, refused = work(lambda body=body: parse_form(body, MULTIPART))
            self.assertEqual(refused, "more than 1000 fields in a form or query")
            self.assertLess(calls, 10 * FIELDS_MAX)

    def test_what_a_part_holds_is_not_read_as_more_parts(self):
        head = '--X\r\nContent-Disposition: form-data; name="f"; filename="m.eml"\r\nContent-Type: {}\r\n\r\n'
        nested = "".join(f"--b{n}\r\nContent-Type: multipart/mixed; boundary=b{n + 1}\r\n\r\n" for n in range(2000))
        for kind in ("message/rfc822", "multipart/mixed; boundary=b0"):
            body = (head.format(kind) + nested + "\r\n--X--\r\n").encode()
            self.assertLess(work(lambda body=body: parse_form(body, MULTIPART))[0], 200)
            file = parse_form(body, MULTIPART)["f"]
            self.assertEqual((file["data"], file["content_type"]), (nested.encode(), kind.partition(";")[0]))

    def test_a_head_without_end_is_refused(self):
        with self.assertRaisesRegex(BadRequest, "head of more than 8192 bytes"):
            multipart("--X", *["a: b"] * 3000)

    def test_files_and_encodings(self):
        self.assertEqual(multipart(
            "preamble", "--X", 'content-disposition: form-data; name="a \\"b\\""; filename="C:\\x ü.txt"',
            "Content-Type: Text/CSV; charset=x", "", "1\r\n--XY\r\n", "--X  ",
            "Content-Disposition: form-data;", "  name=plain", "Content-Transfer-Encoding: base64", "", "w7w=", "--X",
            "Content-Disposition: form-data; name=n; filename*=utf-8''%C3%BC", "", "", "--X--", part("late", 1)), {
                'a "b"': {"filename": "C:\\x ü.txt", "content_type": "text/csv", "data": b"1\r\n--XY\r\n"},
                "plain": "ü", "n": {"filename": "ü", "content_type": "text/plain", "data": b""}})
        self.assertEqual(multipart("--X", 'Content-Disposition: form-data; name="a"', "", "1", "--X--", end="\n"),
                         {"a": "1"})

    def test_a_form_that_is_cut_off_gives_what_there_is(self):
        self.assertEqual(parse_form(part("a", 1).encode() + b"--X\r\nContent-Dis", MULTIPART), {"a": "1"})
        self.assertEqual(parse_form(b"", MULTIPART), {})

    def test_a_multipart_form_without_boundary_is_refused(self):
        with self.assertRaisesRegex(BadRequest, "without boundary"):
            parse_form(part("a", 1).encode(), "multipart/form-data")

    def test_whatever_comes_it_is_read_or_refused(self):
        seed = random.SystemRandom().randrange(10**6)
        chance = random.Random(seed)
        pieces = [b"--X", b"--X--", b"\r\n", b"\n", b"\r\n\r\n", b"Content-Disposition: form-data; name=a", b';name="',
                  b"; filename*=x''%ff", b"; filename*=''", b'"', b"\\", b";", b" ", b"\xff", b"=", b"Content-Type:",
                  b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"=A", b"YQ"]
        for _ in range(3000):
            body = b"".join(chance.choices(pieces, k=chance.randrange(30)))
            with self.subTest(seed=seed, body=body):
                try:
                    parse_form(body, chance.choice((MULTIPART, 'multipart/form-data; boundary="', "")))
                except BadRequest:
                    pass


if __name__ == "__main__":
    unittest.main()
