"""Modules of packages that a cell cannot use, beyond those that stand there: they can be imported, not used."""

import importlib.abc
import importlib.machinery
import sys
import types

from .errors import refuse

_INSTEAD = "agents hold no AWS credentials and have no network; of boto3 there is bedrock-runtime"
_PACKAGES = ("boto3.", "botocore.", "s3transfer.")


class _Module(types.ModuleType):
    """Has every name that is asked for; what it stands for says so when it is called."""

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        told = f"{self.__name__}.{name}"

        def fail(self, *_, **__):
            raise refuse(told, _INSTEAD)

        made = type(name, (), {"__init__": fail, "__module__": self.__name__})
        setattr(self, name, made)
        return made


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname, path=None, target=None):
        if not fullname.startswith(_PACKAGES):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec):
        return _Module(spec.name)

    def exec_module(self, module):
        """There is nothing in it."""


def install() -> None:
    """Lets imports find them, where they find nothing else."""
    sys.meta_path.append(_Finder())
