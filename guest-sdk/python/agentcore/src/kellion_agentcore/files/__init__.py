"""Files: those of the session, in its memory.

A cell has no disk. What an agent writes is kept in its session's memory, and what is beside the agent when it is built can be
read. While the component is built, what is not among the session's files is looked for on the builder's disk.
"""

import builtins
import functools
import io
import os
import shutil
import sys

from . import handle, system, tree

MOST_BYTES = 8 << 20
"""Of the project's files that are kept."""

_MOST_OF_A_PACKAGE = 1 << 20
_CODE = (".py", ".pyc", ".pyi", ".so", ".typed")
_OURS = "/0/"

_FUNCTIONS = (
    "stat", "lstat", "access", "open", "listdir", "scandir", "mkdir", "rmdir", "unlink", "rename", "chmod", "utime", "readlink",
    "truncate",
)
_BY_NUMBER = ("fstat", "close", "read", "write", "lseek", "ftruncate", "fsync", "isatty")

_writes = {"open", "mkdir", "rmdir", "unlink", "rename", "chmod", "utime", "truncate"}
_building = True
_disk_open = io.open


def install() -> None:
    """Puts the session's files behind `open` and `os`."""
    system.cwd = os.getcwd()
    for folder in ("/tmp", "/home/agent", system.cwd):
        tree.make(tree.parts(folder))
    os.environ.setdefault("HOME", "/home/agent")
    for name in _FUNCTIONS:
        setattr(os, name, _by_path(name, getattr(os, name, None)))
    for name in _BY_NUMBER:
        if hasattr(os, name):
            setattr(os, name, _by_number(name, getattr(os, name)))
    os.remove, os.replace = os.unlink, os.rename
    os.getcwd, os.getcwdb, os.chdir = system.getcwd, system.getcwdb, system.chdir
    io.open = builtins.open = _open
    shutil._use_fd_functions = False
    os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks = set(), set(), set()


def _ours(path) -> bool:
    """Whether the builder's disk is meant: its reports are, and what is not among the session's files."""
    full = tree.full(path)
    return full.startswith(_OURS) or (_building and tree.find(full) is None and _on_disk(full))


_disk_stat = os.stat


def _on_disk(path: str) -> bool:
    try:
        _disk_stat(path)
    except OSError:
        return False
    return True


def _by_path(name: str, disk):
    session = getattr(system, name)

    @functools.wraps(session)
    def function(path=".", *arguments, **named):
        if isinstance(path, int) and handle.of(path) is None and disk is not None:
            return disk(path, *arguments, **named)
        if _building and not isinstance(path, int):
            if name in ("listdir", "scandir") and _on_disk(tree.full(path)):
                return disk(tree.full(path), *arguments, **named)
            if _ours(path):
                if name not in _writes:
                    return disk(tree.full(path), *arguments, **named)
                _take(tree.full(path))
            elif name in _writes:
                _take_folder(tree.full(path))
        return session(path, *arguments, **named)

    return function


def _by_number(name: str, disk):
    session = getattr(system, name)

    @functools.wraps(session)
    def function(number, *arguments):
        if handle.of(number) is None:
            return disk(number, *arguments)
        return session(number, *arguments)

    return function


def _open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    if isinstance(file, int) and handle.of(file) is None:
        return _disk_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    if not isinstance(file, int):
        full = tree.full(file)
        if _ours(file):
            if full.startswith(_OURS) or mode.strip("bt") == "r":
                return _disk_open(full, mode, buffering, encoding, errors, newline, closefd, opener)
            _take(full)
        elif _building:
            _take_folder(full)
    return handle.open_file(file, mode, buffering, encoding, errors, newline, closefd, opener)


def _take(full: str) -> None:
    """Takes a file or folder of the builder's disk among the session's, to be changed there."""
    if os.path.isdir(full):
        tree.make(tree.parts(full))
    elif tree.find(full) is None:
        with _disk_open(full, "rb") as file:
            tree.put(full, tree.File(file.read()))


def _take_folder(full: str) -> None:
    above = os.path.dirname(full)
    if tree.find(above) is None and _on_disk(above):
        tree.make(tree.parts(above))


def keep(folders) -> list[str]:
    """Keeps the author's files, the data of loaded packages, and the zones of time. Gives what was left out.

    The builder's disk is not there any more afterwards.
    """
    global _building
    left_out, room = [], MOST_BYTES
    for folder in folders:
        for path, size in _walk(folder):
            if size > room:
                left_out.append(path)
            elif tree.find(path) is None:
                room -= size
                _pack(path, path)
    for folder in sorted(_packages()):
        found = [(path, size) for path, size in _walk(folder) if not path.endswith(_CODE)]
        if sum(size for _, size in found) <= _MOST_OF_A_PACKAGE:
            for path, _ in found:
                _pack(path, path)
    _zones()
    _building = False
    return left_out


def _walk(folder: str):
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = os.path.join(above, name)
            yield path, _disk_stat(path).st_size


def _pack(path: str, target: str) -> None:
    with _disk_open(path, "rb") as file:
        tree.put(target, tree.File.pack(file.read()))


def _packages():
    """Folders of loaded packages, but those of the standard library and ours."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if "." in name or name.startswith("kellion") or name in sys.stdlib_module_names or name == "tzdata":
            continue
        if isinstance(path, str) and path.endswith("/__init__.py") and not path.startswith(("/0/", "/1/")):
            yield path.rpartition("/")[0]


def _zones() -> None:
    """Zones of time, where Python and others look for them."""
    import zoneinfo

    for root in sys.path:
        source = os.path.join(root, "tzdata/zoneinfo")
        if not os.path.isdir(source):
            continue
        for path, _ in _walk(source):
            if not path.endswith(_CODE):
                _pack(path, "/usr/share/zoneinfo" + path[len(source) :])
        zoneinfo.reset_tzpath(to=["/usr/share/zoneinfo"])
        return
