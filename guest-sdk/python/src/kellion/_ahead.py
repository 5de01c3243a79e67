"""Imports ahead what would be imported later: there are no files once the component is built."""

import ast
import importlib
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

STANDARD = (
    "_strptime",
    "annotationlib",
    "asyncio",
    "concurrent.futures.thread",
    "encodings.ascii",
    "encodings.idna",
    "encodings.latin_1",
    "traceback",
    "unicodedata",
)
"""What the standard library itself imports only when it is called."""


def standard() -> None:
    """Imports what the standard library may want."""
    for name in STANDARD:
        _try(name)


def wanted_by(folders: Iterable[str]) -> None:
    """Imports what functions import, in all imported modules below these folders, and in what that brings along."""
    folders = tuple(folder.rstrip("/") + "/" for folder in folders)
    seen: set[str] = set()
    while True:
        found = [(name, module) for name, module in list(sys.modules.items()) if name not in seen]
        seen.update(name for name, _ in found)
        files = [(module, _file(module)) for _, module in found]
        fresh = [(module, path) for module, path in files if path.startswith(folders)]
        if not found:
            return
        for module, path in fresh:
            for name in _later(module, path):
                if name not in sys.modules:
                    _try(name)


def _file(module: ModuleType) -> str:
    path = getattr(module, "__file__", None)
    return path if isinstance(path, str) and path.endswith(".py") else ""


def _later(module: ModuleType, path: str) -> Iterator[str]:
    """The modules that functions of a module import."""
    try:
        with open(path, encoding="utf-8") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                yield from _named(node, module)


def _named(node: ast.AST, module: ModuleType) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = (module.__package__ or "").split(".")
            kept = package[: len(package) - node.level + 1]
            base = ".".join([*kept, base] if base else kept)
        if base:
            yield base
            # Each may be a module of its own, or only a name in that one.
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _try(name: str) -> None:
    parent, _, last = name.rpartition(".")
    if parent in sys.modules and hasattr(sys.modules[parent], last):
        return
    try:
        importlib.import_module(name)
    except BaseException:
        # Not there, or not for this machine. Whoever imports it later hears why.
        return
