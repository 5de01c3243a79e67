"""os.environ: the build's variables while the module is imported, the agent's configuration afterwards.

What the author's code sets stays set. What it only gives a default (``os.environ.setdefault``) while the module is imported
gives way to the configuration, as it would where the configuration is there from the start.
"""

import os
from typing import Any

from . import _host

_defaults: dict[str, str] = {}
_built: dict[str, str] = {}
_before: dict[str, str] = {}
_kept: dict[str, str] = {}


class _Environ(type(os.environ)):  # type: ignore[misc]
    """Asks the host for what nobody has set in the session. What is asked for is known to the host alone, so a listing
    names only what was set."""

    def __getitem__(self, name: str) -> str:
        try:
            return str(super().__getitem__(name))
        except KeyError:
            value = _host.current.config(name) if isinstance(name, str) else None
            if value is None:
                value = _defaults.get(name)
            if value is None:
                raise
            return value


class _Building(_Environ):
    """While the component is built."""

    def setdefault(self, name: str, value: str) -> str:
        if name not in self:
            _defaults[name] = value
        return self[name]


def begin(variables: dict[str, str]) -> None:
    """Sets the build's variables."""
    _before.update(os.environ)
    _built.update((name, value) for name, value in variables.items() if name not in os.environ)
    os.environ.update(variables)
    environ: Any = os.environ
    environ.__class__ = _Building


def finish() -> None:
    """Forgets them: a component holds no one's keys, unless its author keeps them."""
    for name, value in _built.items():
        if os.environ.get(name) == value:
            del os.environ[name]
    _kept.update((name, value) for name, value in os.environ.items() if _before.get(name) != value)
    environ: Any = os.environ
    environ.__class__ = _Environ


def resume() -> None:
    """Sets again what the author's code had set: an interpreter that goes on has a new, empty environment."""
    os.environ.update(_kept)
