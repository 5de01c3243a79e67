"""What an agent prints and logs, into the session's log."""

import io
import logging
import sys

from wit_world.imports import log

_LEVELS = ((logging.ERROR, log.Level.ERROR), (logging.WARNING, log.Level.WARN), (logging.INFO, log.Level.INFO))

# A line without an end is cut here, so that it cannot grow without bound.
_LONGEST = 64 * 1024


class LogStream(io.TextIOBase):
    """Stands for stdout or stderr: each line becomes an entry. While the agent is built, it goes where it went before."""

    encoding = "utf-8"

    def __init__(self, level, before):
        self._level = level
        self._before = before
        self._part = ""
        self.in_turn = False

    def writable(self):
        return True

    def write(self, text):
        if not self.in_turn:
            return self._before.write(text)
        *lines, self._part = (self._part + text).split("\n")
        if lines:
            self._entry("\n".join(lines))
        if len(self._part) > _LONGEST:
            self.flush()
        return len(text)

    def flush(self):
        """Within a turn a line is written when it is whole."""
        if not self.in_turn:
            self._before.flush()
        elif len(self._part) > _LONGEST:
            self.finish()

    def finish(self):
        """Writes what has no end of line yet."""
        part, self._part = self._part, ""
        if part:
            self._entry(part)

    def at(self, level, write):
        """Writes as if at this level."""
        before, self._level = self._level, level
        try:
            write()
        finally:
            self._level = before

    def _entry(self, text):
        if text.strip():
            log.write(self._level, text)


def install() -> None:
    """Puts the streams in the place of stdout and stderr, and lets logging's handlers keep their levels."""
    sys.stdout = LogStream(log.Level.INFO, sys.stdout)
    sys.stderr = LogStream(log.Level.WARN, sys.stderr)
    emit = logging.StreamHandler.emit

    def emit_at_level(self, record):
        if isinstance(self.stream, LogStream):
            self.stream.at(_level(record.levelno), lambda: emit(self, record))
        else:
            emit(self, record)

    logging.StreamHandler.emit = emit_at_level


def begin_turn() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, LogStream):
            stream.in_turn = True


def end_turn() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, LogStream):
            stream.finish()


def _level(number: int):
    return next((level for least, level in _LEVELS if number >= least), log.Level.DEBUG)
