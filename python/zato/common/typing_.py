"""`zato.common.typing_`: the names that annotations of Zato's Models use."""

from dataclasses import dataclass, field  # noqa: F401
from datetime import date as date_, datetime as datetime_  # noqa: F401
from typing import (  # noqa: F401
    Any as any_, Callable as callable_, Dict as dict_, List as list_, Literal as literal_,
    Optional, Tuple as tuple_, Union as union_, cast as cast_,
)
from typing import Any, Dict, List

optional = Optional
anydict = Dict[Any, Any]
anylist = List[Any]
boolnone = Optional[bool]
datetimenone = Optional[datetime_]
dictlist = List[Dict[Any, Any]]
dictnone = Optional[Dict[Any, Any]]
floatnone = Optional[float]
intlist = List[int]
intnone = Optional[int]
listnone = Optional[List[Any]]
strdict = Dict[str, Any]
stranydict = Dict[str, Any]
strlist = List[str]
strnone = Optional[str]
strstrdict = Dict[str, str]


def list_field():
    """An empty list of its own for each instance."""
    return field(default_factory=list)


def dict_field():
    """An empty dict of its own for each instance."""
    return field(default_factory=dict)
