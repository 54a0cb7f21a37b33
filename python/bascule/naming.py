"""The name of a service.

Owns: the rule that turns a module and a class into a service name. Refuses: nothing else is here.
Invariant: the rule is Zato's, so that channels and invocations of moved services keep working:
an explicit `name`, else module + "." + class in hyphens: `my_mod.MyService` → `my-mod.my-service`.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"(.)([A-Z][a-z]+)")
_TAIL = re.compile(r"([a-z0-9])([A-Z])")


def hyphenated(name: str) -> str:
    """CamelCase or snake_case to lower-case words with hyphens."""
    spaced = _TAIL.sub(r"\1-\2", _WORD.sub(r"\1-\2", name))
    return re.sub(r"[-_]+", "-", spaced).lower().strip("-")


def service_name(module: str, class_name: str, explicit: str | None = None) -> str:
    """The name that channels and `self.invoke` use."""
    if explicit:
        return explicit
    return ".".join(hyphenated(part) for part in module.split(".")) + "." + hyphenated(class_name)
