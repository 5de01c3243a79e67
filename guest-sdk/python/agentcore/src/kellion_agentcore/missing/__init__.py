"""Stand-ins for modules of the standard library whose native half this interpreter lacks: names, to be imported."""

import importlib
import sys
import types

from ..errors import refuse
from . import ctypes, ssl


class _Absent(types.ModuleType):
    """Has every name that is asked for; what it stands for says so when it is called."""

    def __init__(self, name: str, why: str):
        super().__init__(name, f"Stands for {name}: {why}.")
        self._why = why

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        told, why = f"{self.__name__}.{name}", self._why

        def fail(*_, **__):
            raise refuse(told, why)

        return fail


def _fcntl() -> types.ModuleType:
    """Locks on files: who would hold one in an interpreter with one thread?"""
    module = _Absent("fcntl", "it has no files but the session's own")
    module.LOCK_SH, module.LOCK_EX, module.LOCK_NB, module.LOCK_UN = 1, 2, 4, 8
    module.flock = module.lockf = lambda *_, **__: None
    return module


_NO_TERMINAL = "it has no terminal, and starts no processes"
_NO_DATABASE = "it has no SQLite; what the agent keeps in Python objects lasts as long as its session"

_MODULES = {
    "ctypes": ctypes,
    "ssl": ssl,
    "fcntl": _fcntl(),
    "termios": _Absent("termios", _NO_TERMINAL),
    "tty": _Absent("tty", _NO_TERMINAL),
    "pty": _Absent("pty", _NO_TERMINAL),
    "readline": _Absent("readline", _NO_TERMINAL),
    "resource": _Absent("resource", "its limits are the server's"),
    "sqlite3": _Absent("sqlite3", _NO_DATABASE),
}


def install() -> None:
    """Puts each stand-in where the module itself cannot be imported."""
    for name, stand_in in _MODULES.items():
        try:
            importlib.import_module(name)
        except Exception:
            # Not there, or there and not without another that is not.
            for module in [module for module in sys.modules if module.split(".")[0] == name]:
                del sys.modules[module]
            sys.modules[name] = stand_in
