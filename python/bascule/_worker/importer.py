"""Imports packages, each under its own id.

Owns: modules by package id, so that old and new live side by side. Refuses: who may call them.
Invariant: an import that fails leaves nothing behind, neither a module nor a line of its source.

A module stands in `sys.modules` under its own name while it is imported and once it is bound,
unless that name belongs to somebody else (a file called json.py); the newest bound version has it.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import inspect
import linecache
import sys
import types

from bascule import logs
from bascule.naming import service_name
from bascule.plan import Plan
from bascule.service import Service
from bascule.tracebacks import line_in, message, render, shortened, user_files

_DOCUMENTATION_CHARS_MAX = 16 * 1024
_NAME_CHARS_MAX = 255


class Undeclared(Exception):
    """What a file declares cannot be served; the message is whole, the line is known."""

    def __init__(self, line, what):
        super().__init__(what)
        self.line = line


class ImportRefused(Exception):
    """A package cannot be imported; `report` is the `error` of TRIED and BOUND."""

    def __init__(self, report):
        super().__init__(report["message"])
        self.report = report


class Package:
    """An imported package: its module and the service classes it declares."""

    __slots__ = ("id", "file", "module_name", "path", "module", "classes", "lines", "twice")

    def __init__(self, spec):
        self.id = str(spec["id"])
        self.file = str(spec["file"])
        self.module_name = str(spec["module"])
        self.path = str(spec["path"])
        self.module = None
        self.classes = {}
        #: Lines of classes by name, and of names that the file gives to two classes, both.
        self.lines = {}
        self.twice = {}

    @property
    def version(self):
        """Short form of the id, for logs."""
        return self.id[:12]

    def describe(self):
        """The `services` of TRIED."""
        services = []
        for name, cls in self.classes.items():
            plan = Plan(cls, name)
            services.append({
                "name": name,
                "class_name": cls.__name__,
                "line": self.lines.get(cls.__name__, 0),
                "documentation": shortened(inspect.cleandoc(cls.__dict__.get("__doc__") or ""),
                                           _DOCUMENTATION_CHARS_MAX),
                "input": plan.input.declared() if plan.input else [],
                "output": plan.output.declared() if plan.output else [],
            })
        return services


class _SourceLoader:
    """Lets inspect and linecache find the source of a module."""

    def __init__(self, path, source):
        self.path = path
        self.source = source

    def get_source(self, _name=None):
        """The text that was imported."""
        return self.source

    def get_filename(self, _name=None):
        """Where the text is stored."""
        return self.path


def load(spec, trial=False) -> Package:
    """Imports a package; raises ImportRefused.

    A trial also refuses what is of no use: what ran before must still start after an update.
    """
    package = Package(spec)
    try:
        _execute(package)
        _collect(package)
        if trial:
            _check_use(package)
        package.describe()
        return package
    except BaseException as error:
        report = _report(package, error)
        forget(package)
        raise ImportRefused(report) from None


def forget(package):
    """Drops what the import left in the process's tables."""
    linecache.cache.pop(package.path, None)
    user_files.pop(package.path, None)
    if sys.modules.get(package.module_name) is package.module and package.module is not None:
        del sys.modules[package.module_name]


def publish(package):
    """Makes the module known under its name, as `inspect` and pickle expect."""
    if not _belongs_to_others(package.module_name):
        sys.modules[package.module_name] = package.module


def _belongs_to_others(name):
    if name in sys.stdlib_module_names or name in ("bascule", "zato"):
        return True
    present = sys.modules.get(name)
    if present is not None:
        return getattr(present, "__bascule_package__", None) is None
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _execute(package):
    with open(package.path, "rb") as stored:
        data = stored.read()
    user_files[package.path] = package.file
    tree = compile(data, package.path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    source = importlib.util.decode_source(data)
    linecache.cache[package.path] = (len(source), None, source.splitlines(True), package.path)
    package.lines = {node.name: node.lineno for node in ast.walk(tree)
                     if isinstance(node, ast.ClassDef)}
    seen = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            package.lines[node.name] = node.lineno
            if node.name in seen:
                package.twice[node.name] = (seen[node.name], node.lineno)
            seen[node.name] = node.lineno
    code = compile(tree, package.path, "exec", dont_inherit=True)
    name = package.module_name
    module = types.ModuleType(name)
    loader = _SourceLoader(package.path, source)
    module.__file__ = package.path
    module.__loader__ = loader
    module.__package__ = ""
    module.__spec__ = importlib.machinery.ModuleSpec(name, loader, origin=package.path)
    module.__bascule_package__ = package.id
    package.module = module
    earlier = sys.modules.get(name)
    borrowed = (earlier is None and name not in sys.stdlib_module_names
                or not _belongs_to_others(name))
    if borrowed:
        # dataclasses and enum look their module up by name while a class is made.
        sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    finally:
        if borrowed and sys.modules.get(name) is module:
            if earlier is None:
                del sys.modules[name]
            else:
                sys.modules[name] = earlier


def _own_classes(package):
    """The service classes that the file itself defines and does not hide, each once."""
    return list(dict.fromkeys(
        cls for cls in package.module.__dict__.values()
        if isinstance(cls, type) and issubclass(cls, Service)
        and cls.__module__ == package.module_name and not cls.__dict__.get("zato_dont_import")))


def _collect(package):
    for cls in _own_classes(package):
        if not _handles(cls):
            continue
        name = service_name(package.module_name, cls.__name__, cls.__dict__.get("name"))
        line = package.lines.get(cls.__name__, 0)
        if (not isinstance(name, str) or len(name) > _NAME_CHARS_MAX
                or any(ord(char) < 33 for char in name)):
            raise Undeclared(line, f"class {cls.__name__} (line {line}): "
                                   f"{shortened(repr(name), 255)} is no service name")
        if name in package.classes:
            other = package.classes[name].__name__
            raise Undeclared(line, f"classes {other} (line {package.lines.get(other, 0)}) and "
                                   f"{cls.__name__} (line {line}) are both named {name!r}")
        if "auto_typing" in package.module.__dict__ and "auto_typing" not in cls.__dict__:
            cls.auto_typing = bool(package.module.auto_typing)
        logger = logs.ServiceLogger(name)
        if cls.before_add_to_store(logger) is False:
            continue
        package.classes[name] = cls
        cls.after_add_to_store(logger)
    for name, cls in package.classes.items():
        cls.name = name


def _check_use(package):
    own = _own_classes(package)
    for cls in own:
        name, line = cls.__name__, package.lines.get(cls.__name__, 0)
        lines = package.twice.get(name)
        if lines and all(base.__name__ != name for base in cls.__mro__[1:]):
            raise Undeclared(lines[1], f"two classes are named {name} (lines {lines[0]} and "
                                       f"{lines[1]}); only the second would be served")
        is_base = any(cls in other.__mro__[1:] for other in own)
        if not _handles(cls) and (cls.__dict__.get("name") or not is_base):
            raise Undeclared(line, f"class {name} (line {line}) has no handle method")
    if not package.classes:
        raise Undeclared(0, f"{package.file} declares no service")


def _handles(cls):
    """A class without any handler is a base of others, not a service."""
    return cls.handle is not Service.handle or any(
        attribute.startswith("handle_") and attribute[7:].isupper() for attribute in dir(cls))


def _report(package, error):
    if isinstance(error, Undeclared):
        return {"file": package.file, "line": error.line, "message": str(error), "traceback": ""}
    return {
        "file": package.file,
        "line": line_in(error, package.path),
        "message": message(error),
        "traceback": render(error),
    }
