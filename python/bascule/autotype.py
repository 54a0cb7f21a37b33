"""Types by name, as Zato's simple-io.conf has them.

Owns: which untyped element of a declaration is an integer, a boolean or a secret because of its
name. Refuses: types written out, which always win. Invariant: on by default, because Zato's services
count on it; off for one file or one class only:

    auto_typing = False             # at the top of a service file: `user_id` stays text

    class Find(Service):
        auto_typing = False         # or of one class
"""

from __future__ import annotations

INTEGER_NAMES = frozenset({"id"})
INTEGER_SUFFIXES = ("_count", "_id", "_size", "_size_min", "_size_max", "_timeout")
BOOLEAN_PREFIXES = ("by_", "has_", "is_", "may_", "needs_", "should_")
SECRET_NAMES = frozenset(
    {
        "api_key", "apikey", "auth_data", "auth_token", "password", "password1", "password2",
        "secret", "secret_key", "token",
    }
)


def kind_of(name: str) -> str:
    """One of `text`, `int`, `bool`, `secret`."""
    if name in SECRET_NAMES:
        return "secret"
    if name in INTEGER_NAMES or name.endswith(INTEGER_SUFFIXES):
        return "int"
    if name.startswith(BOOLEAN_PREFIXES):
        return "bool"
    return "text"
