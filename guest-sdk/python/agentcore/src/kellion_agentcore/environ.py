"""`os.environ`: at build time what `kellion build --env` says, in a turn what the version's environmentVariables say."""

import os
from collections.abc import MutableMapping


class Environment(MutableMapping):
    """The environment as an agent sees it.

    What its own code sets goes before the version's variables, and these go before what was set for the build. The
    version's can be asked for by name only, so they are found by `in`, `get` and `[]`, but not listed.
    """

    def __init__(self, built: dict[str, str]):
        self._built = dict(built)
        # What the agent's code has set, and None for what it has deleted.
        self._own: dict[str, str | None] = {}
        self._config = None

    def open(self, config) -> None:
        """From now on variables are asked for by this function, which gives None for those that are not there."""
        self._config = config

    def __getitem__(self, name):
        self._check(name)
        if name in self._own:
            value = self._own[name]
        else:
            value = self._config(name) if self._config is not None and name else None
            if value is None:
                value = self._built.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name, value):
        self._check(name)
        self._check(value)
        self._own[name] = value

    def __delitem__(self, name):
        self[name]
        self._own[name] = None

    def __iter__(self):
        for name in self._built.keys() | self._own.keys():
            if name in self:
                yield name

    def __len__(self):
        return sum(1 for _ in self)

    def __repr__(self):
        return f"environ({dict(self)!r})"

    def copy(self):
        return dict(self)

    def __or__(self, other):
        return dict(self) | dict(other)

    def __ror__(self, other):
        return dict(other) | dict(self)

    def __ior__(self, other):
        self.update(other)
        return self

    @staticmethod
    def _check(value):
        if not isinstance(value, str):
            raise TypeError(f"str expected, not {type(value).__name__}")


def install(built: dict[str, str]) -> Environment:
    """Puts it in the place of `os.environ`, which `os.getenv` asks too."""
    os.environ = Environment(built)
    os.putenv = lambda name, value: None
    os.unsetenv = lambda name: None
    return os.environ
