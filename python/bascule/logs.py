"""Log records as JSON lines on stderr.

Owns: `self.logger`, the bridge from the standard `logging`, and what services print. Refuses:
where the lines go from there; the node reads them. Invariant: logging never blocks a worker: when
the reader does not keep up, whole lines are dropped and counted, and the next line that fits says
how many.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import stat
import sys

from .tracebacks import render

TRACE, DEBUG, INFO, WARN, ERROR, CRITICAL, OFF = 5, 10, 20, 30, 40, 50, 60
_NAMES = {5: "TRACE", 10: "DEBUG", 20: "INFO", 30: "WARN", 40: "ERROR", 50: "ERROR"}
_THRESHOLDS = {"trace": TRACE, "debug": DEBUG, "info": INFO, "warn": WARN, "warning": WARN,
               "error": ERROR, "off": OFF}
_LINE_BYTES_MAX = 65536
_UTC = datetime.timezone.utc


def _setting():
    # The node keeps its own BASCULE_ variables from its workers, all but BASCULE_WORKER_.
    return os.environ.get("BASCULE_WORKER_LOG") or os.environ.get("BASCULE_LOG") or "info"


def _threshold():
    for word in _setting().split(","):
        if word.strip().lower() in _THRESHOLDS:
            return _THRESHOLDS[word.strip().lower()]
    return INFO


threshold = _threshold()


class Sink:
    """Writes whole lines to a descriptor without ever waiting for its reader."""

    def __init__(self, fd=2):
        self.fd = fd
        self.rest = b""
        self.dropped = 0

    def open(self):
        """Makes the descriptor non-blocking where that concerns nobody else (a pipe, a socket)."""
        mode = os.fstat(self.fd).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            os.set_blocking(self.fd, False)

    def write(self, line: bytes):
        if self.dropped and not self.rest:
            lost, self.dropped = self.dropped, 0
            line += encode(WARN, "log lines were dropped: the reader is slow", "bascule.logs",
                           {"dropped": lost})
        data = self.rest + line if self.rest else line
        if len(data) > 4 * _LINE_BYTES_MAX:
            self.dropped += 1
            data = self.rest
        try:
            written = os.write(self.fd, data)
        except BlockingIOError:
            if not self.rest:
                self.dropped += 1
            elif data is not self.rest:
                self.dropped += 1
            return
        except OSError:
            return
        self.rest = data[written:]


sink = Sink()


def find_call():
    """The call that the running greenlet or thread serves; the worker replaces this."""
    return None


def encode(level, msg, target, fields=None, call=None) -> bytes:
    """One record as a line."""
    now = datetime.datetime.now(_UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    record = {"ts": now, "level": _NAMES.get(level, "INFO"), "msg": msg, "target": target}
    if call is not None:
        record["cid"] = call.cid
        plan = call.plan
        if plan is not None:
            record["service"] = plan.name
            record["version"] = plan.version
    if fields:
        for name, value in fields.items():
            record.setdefault(name, value)
    text = json.dumps(record, ensure_ascii=False, default=_printable, separators=(",", ":"))
    line = text.encode("utf-8", "backslashreplace")
    if len(line) > _LINE_BYTES_MAX:
        record["msg"] = str(msg)[: _LINE_BYTES_MAX // 8]
        record = {key: record[key] for key in ("ts", "level", "msg", "target", "cid", "service")
                  if key in record}
        record["cut"] = True
        line = json.dumps(record).encode()
    return line + b"\n"


def _printable(value):
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def emit(level, msg, target, fields=None, call=None):
    """Writes one record, unless its level is below the threshold."""
    if level < threshold:
        return
    try:
        sink.write(encode(level, msg, target, fields, call))
    except Exception:
        sink.dropped += 1


class ServiceLogger:
    """`self.logger`: the methods of a standard logger; extra keywords become fields."""

    __slots__ = ("name", "_call")

    def __init__(self, name, call=None):
        self.name = name
        self._call = call

    @property
    def level(self):
        """The threshold of the worker."""
        return threshold

    getEffectiveLevel = lambda self: threshold  # noqa: E731, N815 - the standard logger's name

    def isEnabledFor(self, level):  # noqa: N802 - the standard logger's name
        """Whether a record of this level is written."""
        return level >= threshold

    def log(self, level, msg, /, *args, exc_info=None, extra=None, stack_info=None, stacklevel=1,
            **fields):
        """Writes a record; `%` formatting as in the standard library."""
        if level < threshold:
            return
        if args:
            try:
                msg = str(msg) % (args[0] if len(args) == 1 and isinstance(args[0], dict) else args)
            except (TypeError, ValueError):
                msg = f"{msg} {args!r}"
        if extra:
            fields = {**extra, **fields}
        if exc_info:
            error = exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1]
            if error is not None:
                fields["traceback"] = render(error)
        emit(level, msg if isinstance(msg, str) else str(msg), self.name, fields, self._call)

    def debug(self, msg, /, *args, **fields):
        """A record for the programmer."""
        self.log(DEBUG, msg, *args, **fields)

    def info(self, msg, /, *args, **fields):
        """A record of what happened."""
        self.log(INFO, msg, *args, **fields)

    def warning(self, msg, /, *args, **fields):
        """A record of what may be wrong."""
        self.log(WARN, msg, *args, **fields)

    warn = warning

    def error(self, msg, /, *args, **fields):
        """A record of what is wrong."""
        self.log(ERROR, msg, *args, **fields)

    def critical(self, msg, /, *args, **fields):
        """The same as error, for those who use it."""
        self.log(CRITICAL, msg, *args, **fields)

    fatal = critical

    def exception(self, msg, /, *args, exc_info=True, **fields):
        """An error record with the traceback of the exception being handled."""
        self.log(ERROR, msg, *args, exc_info=exc_info, **fields)


class StandardBridge(logging.Handler):
    """Records of the standard `logging` module as our lines, with the cid of the running call."""

    def emit(self, record):
        fields = {}
        if record.exc_info and record.exc_info[1] is not None:
            fields["traceback"] = render(record.exc_info[1])
        try:
            text = record.getMessage()
        except Exception:
            text = f"{record.msg} {record.args!r}"
        emit(record.levelno // 10 * 10 or TRACE, text, record.name, fields, find_call())


class PrintStream:
    """Stands for sys.stdout and sys.stderr: each printed line becomes a record of its call."""

    encoding = "utf-8"
    errors = "backslashreplace"
    closed = False

    def __init__(self, target, level):
        self.target = target
        self.level = level
        self.rest = ""

    def write(self, text):
        """Collects text and emits whole lines."""
        if not isinstance(text, str):
            raise TypeError("write() argument must be str")
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            if line:
                emit(self.level, line, self.target, None, find_call())
        return len(text)

    def writelines(self, lines):
        """Writes each."""
        for line in lines:
            self.write(line)

    def flush(self):
        """Emits a line that has no end yet."""
        if self.rest:
            line, self.rest = self.rest, ""
            emit(self.level, line, self.target, None, find_call())

    def isatty(self):
        """Never a terminal."""
        return False

    def writable(self):
        """Always."""
        return True

    def readable(self):
        """Never."""
        return False

    def fileno(self):
        """The descriptor of the process's stderr."""
        return sink.fd


def install(find_running_call):
    """Takes over standard logging and printing for the whole worker process."""
    global find_call
    find_call = find_running_call
    sink.open()
    root = logging.getLogger()
    root.handlers[:] = [StandardBridge()]
    root.setLevel(min(threshold, CRITICAL))
    sys.stdout = PrintStream("stdout", INFO)
    sys.stderr = PrintStream("stderr", WARN)
