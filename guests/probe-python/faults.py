"""What a guest may do to hurt."""

import os

from wants import Payload

from kellion import AgentError, Context

kept = bytearray()


def fail(wanted: Payload, _: Context) -> None:
    """Fails the turn."""
    raise AgentError(wanted.text("message"))


def panic(*_: object) -> None:
    """Leaves by an exception that is no ``Exception``."""
    raise SystemExit("asked to panic")


def trap(*_: object) -> None:
    """Runs into an instruction that traps."""
    os.abort()


def spin(*_: object) -> None:
    """Never ends."""
    while True:
        pass


def recurse(*arguments: object) -> object:
    """Never returns."""
    return recurse(arguments)


def keep(wanted: Payload, _: Context) -> dict[str, int]:
    """Keeps that much memory for the turns to come, every byte of it written."""
    begin = len(kept)
    kept.extend(at % 251 | 1 for at in range(begin, begin + (wanted.number("kib") << 10)))
    return {"kept_bytes": len(kept)}
