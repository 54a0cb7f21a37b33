"""`self.time`: the few time helpers that Zato's services use.

Owns: now and today in UTC or a zone, and Zato's format tokens. Refuses: schedules.
Invariant: without a format the text is ISO 8601.
"""

from __future__ import annotations

import datetime

_TOKENS = (
    ("YYYY", "%Y"), ("YY", "%y"), ("MM", "%m"), ("DD", "%d"), ("HH", "%H"), ("mm", "%M"),
    ("ss", "%S"), ("SSSSSS", "%f"),
)


def _pattern(tokens: str) -> str:
    for token, directive in _TOKENS:
        tokens = tokens.replace(token, directive)
    return tokens


def _zone(name):
    if name in (None, "UTC"):
        return datetime.timezone.utc
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


class Clock:
    """`self.time`."""

    def utcnow(self, format=None, needs_format=True):
        """Now in UTC as text; a naive datetime with `needs_format=False`."""
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        if not needs_format:
            return now
        return now.strftime(_pattern(format)) if format else now.isoformat()

    def now(self, format=None, tz=None):
        """Now in a zone as text."""
        now = datetime.datetime.now(_zone(tz))
        return now.strftime(_pattern(format)) if format else now.isoformat()

    def today(self, format=None, tz="UTC", needs_format=True):
        """Today's date as text; a date with `needs_format=False`."""
        today = datetime.datetime.now(_zone(tz)).date()
        if not needs_format:
            return today
        return today.strftime(_pattern(format)) if format else today.isoformat()

    def reformat(self, value, from_, to):
        """Text in one format to text in another."""
        return datetime.datetime.strptime(value, _pattern(from_)).strftime(_pattern(to))


clock = Clock()
