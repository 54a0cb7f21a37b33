"""Forms and query strings, also those that nobody sends in good faith."""

import unittest

import harness  # noqa: F401 - puts the package on the path

from bascule.exceptions import BadRequest
from bascule.request import FIELDS_MAX, parse_form, parse_pairs

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


if __name__ == "__main__":
    unittest.main()
