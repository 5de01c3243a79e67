"""Stand-ins for modules of the standard library whose native half this interpreter lacks: names, to be imported."""

import importlib
import sys
import types

from . import ctypes, ssl

_MODULES = {
    "ctypes": ctypes,
    "ssl": ssl,
    "fcntl": types.ModuleType("fcntl", "Stands for fcntl: there are no files to lock."),
}


def install() -> None:
    """Puts each stand-in where the module itself cannot be imported."""
    for name, stand_in in _MODULES.items():
        try:
            importlib.import_module(name)
        except ImportError:
            for module in [module for module in sys.modules if module.split(".")[0] == name]:
                del sys.modules[module]
            sys.modules[name] = stand_in
