"""Tracebacks as the author of a service wants them.

Owns: cutting our own frames, and the user's file name in place of the path where the node keeps the
package. Refuses: who may read them. Invariant: the source line is looked up under the stored path,
which is unique for each version, so that an old version never shows the text of a new one.
"""

from __future__ import annotations

import os
import traceback

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_ZATO = os.path.join(os.path.dirname(os.path.dirname(_OURS)), "zato") + os.sep
_FRAMES_MAX = 60
# A message may hold a whole body or file; a frame and a log line may not.
MESSAGE_CHARS_MAX = 8 * 1024
TRACEBACK_CHARS_MAX = 64 * 1024

# Stored path of a package → the file name its author knows. Filled by the importer.
user_files: dict[str, str] = {}


def _is_ours(filename):
    return filename.startswith((_OURS, _ZATO, "<frozen importlib"))


def shortened(text: str, limit: int = MESSAGE_CHARS_MAX) -> str:
    """The text, or its beginning and its end when it is longer than the limit."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters left out … {text[-half:]}"


def _clean(report, seen):
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    kept = [frame for frame in report.stack if not _is_ours(frame.filename)]
    for frame in kept:
        frame.filename = user_files.get(frame.filename, frame.filename)
    if len(kept) > _FRAMES_MAX:
        kept = kept[: _FRAMES_MAX // 2] + kept[-_FRAMES_MAX // 2 :]
    report.stack[:] = kept
    if getattr(report, "filename", None):
        report.filename = user_files.get(report.filename, report.filename)
    _clean(report.__cause__, seen)
    _clean(report.__context__, seen)
    for inner in getattr(report, "exceptions", None) or ():
        _clean(inner, seen)


def render(error: BaseException) -> str:
    """The traceback as text; never raises."""
    try:
        report = traceback.TracebackException.from_exception(error, limit=-4 * _FRAMES_MAX)
        _clean(report, set())
        return shortened("".join(report.format()), TRACEBACK_CHARS_MAX)
    except Exception as problem:
        return f"{type(error).__name__} (its traceback cannot be shown: {type(problem).__name__})"


def message(error: BaseException) -> str:
    """`NameError: name 'x' is not defined`; never raises."""
    try:
        text = str(error.msg) if isinstance(error, SyntaxError) else str(error)
    except Exception:
        text = ""
    name = type(error).__name__
    return shortened(f"{name}: {text}" if text else name)


def line_in(error: BaseException, path: str):
    """The line of the innermost frame in the file, or where a syntax error is; 0 when unknown."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno or 0
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == path:
            line = step.tb_lineno or line
        step = step.tb_next
    return line
