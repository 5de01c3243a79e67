"""os.environ: the build's variables while the module is imported, the agent's configuration afterwards."""

import os
from typing import Any

from . import _host


class _Environ(type(os.environ)):  # type: ignore[misc]
    """Asks the host for what nobody has set in the session. What is asked for is known to the host alone, so a listing
    names only what was set."""

    def __getitem__(self, name: str) -> str:
        try:
            return str(super().__getitem__(name))
        except KeyError:
            value = _host.current.config(name) if isinstance(name, str) else None
            if value is None:
                raise
            return value


_before: dict[str, str] = {}


def begin(variables: dict[str, str]) -> None:
    """Sets the build's variables."""
    _before.update(os.environ)
    os.environ.update(variables)


def finish() -> None:
    """Forgets them: a component holds no one's keys, unless its author keeps them."""
    for name in list(os.environ):
        if name not in _before:
            del os.environ[name]
    environ: Any = os.environ
    environ.__class__ = _Environ
