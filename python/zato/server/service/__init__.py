"""`from zato.server.service import Service, Model, Int, …` for services written for Zato."""

from bascule import *  # noqa: F403
from bascule import Element as SIOElem
from bascule import Service as AdminService
from bascule import __all__ as _bascule_names

__all__ = [*_bascule_names, "AdminService", "SIOElem"]
