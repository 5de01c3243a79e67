"""The tree of files and folders of a session."""

import errno
import os
import stat
import time
import zlib


class File:
    """A file: its bytes, packed for as long as nobody has asked for them."""

    def __init__(self, data: bytes | bytearray = b"", packed: bytes | None = None, size: int = 0):
        self._data = None if packed is not None else bytearray(data)
        self._packed = packed
        self._size = size
        self.mode = stat.S_IFREG | 0o644
        self.changed = time.time()

    @classmethod
    def pack(cls, data: bytes) -> "File":
        """A file that many sessions share, and most never read."""
        return cls(packed=zlib.compress(data, 9), size=len(data))

    @property
    def data(self) -> bytearray:
        if self._data is None:
            self._data, self._packed = bytearray(zlib.decompress(self._packed)), None
        return self._data

    def read_only(self) -> bytes | bytearray:
        """The bytes for one who does not change them: what is packed stays so."""
        return zlib.decompress(self._packed) if self._data is None else self._data

    @property
    def size(self) -> int:
        return self._size if self._data is None else len(self._data)


class Folder(dict):
    """A folder: names, and what they stand for."""

    def __init__(self):
        super().__init__()
        self.mode = stat.S_IFDIR | 0o755
        self.changed = time.time()

    size = 0


root = Folder()


def error(number: int, path) -> OSError:
    """As the system would say it; Python picks the class."""
    return OSError(number, os.strerror(number), path)


def full(path) -> str:
    """A path from the root, without dots."""
    from . import system

    return os.path.normpath("/" + os.path.join(system.cwd, os.fsdecode(path)).lstrip("/"))


def parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def find(path: str) -> File | Folder | None:
    """What is at a full path, if anything is."""
    node: File | Folder | None = root
    for part in parts(path):
        if not isinstance(node, Folder):
            return None
        node = node.get(part)
    return node


def get(path) -> File | Folder:
    """What is at a path; FileNotFoundError if nothing is."""
    node = find(full(path))
    if node is None:
        raise error(errno.ENOENT, path)
    return node


def folder_of(path) -> tuple[Folder, str]:
    """The folder that a path lies in, and its name there."""
    *above, name = parts(full(path)) or [""]
    folder = find("/" + "/".join(above))
    if not name:
        raise error(errno.EEXIST, path)
    if folder is None:
        raise error(errno.ENOENT, path)
    if not isinstance(folder, Folder):
        raise error(errno.ENOTDIR, path)
    return folder, name


def put(path: str, node: File) -> None:
    """Puts a file at a full path, with the folders above it."""
    *above, name = parts(path)
    make(above)[name] = node


def make(above: list[str]) -> Folder:
    """The folder with these names from the root, made if need be."""
    folder = root
    for part in above:
        below = folder.get(part)
        if not isinstance(below, Folder):
            below = folder[part] = Folder()
        folder = below
    return folder
