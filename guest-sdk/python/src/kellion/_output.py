"""print, logging and tracebacks, into the session's log."""

import io
import linecache
import logging
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from . import log

_LONGEST_LINE = 64 << 10
"""Characters that wait for the end of their line at most."""


class Writer(io.TextIOBase):
    """A text stream that is the log. Text waits for the end of its line, or of the turn."""

    def __init__(self, level: log.Level, name: str) -> None:
        self._level: log.Level = level
        self._pieces: list[str] = []
        self._length = 0
        self.name = name
        self.buffer = _Bytes(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "replace"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._pieces.append(text)
        self._length += len(text)
        if text.endswith("\n") or self._length > _LONGEST_LINE:
            self.finish()
        return len(text)

    def finish(self) -> None:
        """Logs what waits for the end of its line."""
        text = "".join(self._pieces).removesuffix("\n")
        begun, self._pieces, self._length = bool(self._pieces), [], 0
        if begun:
            log.write(self._level, text)

    def isatty(self) -> bool:
        return False


class _Bytes(io.RawIOBase):
    """For those who write to ``sys.stdout.buffer``."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        data = bytes(data)
        self._writer.write(data.decode("utf-8", "replace"))
        return len(data)


class Handler(logging.Handler):
    """Log records, each at its own level."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            log.write(level_of(record.levelno), self.format(record))
        except Exception:
            self.handleError(record)


def level_of(number: int) -> log.Level:
    """The log's level for one of the logging module."""
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"


_handler = Handler()
_handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))


def _basic_config(original: Callable[..., None]) -> Callable[..., None]:
    def basic_config(**options: Any) -> None:
        """As ever, but the log is where records go unless a file or a handler is named."""
        root = logging.getLogger()
        ours = root.handlers == [_handler]
        if options.keys() & {"filename", "handlers"} or not (ours or options.get("force")):
            original(**options)
            return
        for handler in root.handlers[:]:
            root.removeHandler(handler)
        root.addHandler(_handler)
        if options.get("level") is not None:
            root.setLevel(options["level"])
        if options.keys() & {"format", "datefmt", "style"}:
            style = options.get("style", "%")
            _handler.setFormatter(logging.Formatter(options.get("format"), options.get("datefmt"), style))

    return basic_config


short_folders: list[str] = []
"""Folders of the author, whose files are told by their names alone once the component is built."""


def install() -> None:
    """Takes the place of the interpreter's own streams, handlers and hooks."""
    sys.stdout = sys.__stdout__ = Writer("info", "<stdout>")  # type: ignore[assignment, misc]
    sys.stderr = sys.__stderr__ = Writer("warn", "<stderr>")  # type: ignore[assignment, misc]
    root = logging.getLogger()
    root.addHandler(_handler)
    root.setLevel(logging.INFO)
    logging.lastResort = None
    logging.basicConfig = _basic_config(logging.basicConfig)
    sys.excepthook = lambda kind, error, trace: log.error(told(error))
    sys.unraisablehook = lambda unraisable: log.error(
        f"{unraisable.err_msg or 'ignored'}: {told(unraisable.exc_value) if unraisable.exc_value else unraisable.object!r}"
    )


def finish_lines() -> None:
    """At the turn's end: nothing is left waiting."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Writer):
            stream.finish()


def told(error: BaseException) -> str:
    """The traceback from where the author's code begins."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    # An error of ours alone: all of it is better than nothing.
    if trace is None and not isinstance(error, SyntaxError):
        trace = error.__traceback__
    text = "".join(traceback.format_exception(type(error), error, trace, limit=-30)).rstrip()
    for folder in short_folders:
        text = text.replace(f'File "{folder}/', 'File "')
    return text


def _is_ours(trace: TracebackType) -> bool:
    name = trace.tb_frame.f_globals.get("__name__", "")
    return name.split(".")[0] in ("kellion", "kellion_entry", "importlib", "_frozen_importlib", "_frozen_importlib_external")


def keep_source(path: str) -> None:
    """Keeps a file's lines for tracebacks: there is no file once the component is built."""
    lines = linecache.getlines(path)
    if lines:
        linecache.cache[path] = (sum(map(len, lines)), None, lines, path)
