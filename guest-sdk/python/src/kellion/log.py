"""The session's log: found by session and by request, bounded, never shown to callers.

``print``, ``logging`` and tracebacks arrive in the same log: what goes to stdout at info, to stderr at warn, and a log
record at its own level.
"""

from typing import Literal

from . import _host

Level = Literal["debug", "info", "warn", "error"]

__all__ = ["Level", "debug", "error", "info", "warn", "write"]


def write(level: Level, message: object) -> None:
    """Appends one entry, which may have several lines. Never fails: past the session's bound the oldest entries go."""
    _host.current.log(level, str(message))


def debug(message: object) -> None:
    """Logs at debug level."""
    write("debug", message)


def info(message: object) -> None:
    """Logs at info level."""
    write("info", message)


def warn(message: object) -> None:
    """Logs at warn level."""
    write("warn", message)


def error(message: object) -> None:
    """Logs at error level."""
    write("error", message)
