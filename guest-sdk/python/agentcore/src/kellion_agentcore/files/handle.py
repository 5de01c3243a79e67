"""Open files."""

import errno
import io
import os

from . import tree

_ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
# Far above those that the interpreter has of its own.
_FIRST = 1 << 20

_open: dict[int, "Raw"] = {}
_last = _FIRST - 1


class Raw(io.RawIOBase):
    """An open file without buffers."""

    def __init__(self, file: tree.File, name, readable: bool, writable: bool, appending: bool):
        self._file = file
        self._at = 0
        self._can = readable, writable
        self._appending = appending
        self.name = name
        self.mode = "rb+" if readable and writable else "wb" if writable else "rb"

    def readable(self):
        return self._can[0]

    def writable(self):
        return self._can[1]

    def seekable(self):
        return True

    def readinto(self, buffer):
        self._check(0, "read")
        data = self._file.read_only() if not self._can[1] else self._file.data
        piece = data[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def readall(self):
        self._check(0, "read")
        data = self._file.read_only() if not self._can[1] else self._file.data
        piece = bytes(data[self._at :])
        self._at += len(piece)
        return piece

    def write(self, piece):
        self._check(1, "write")
        piece = bytes(piece)
        data = self._file.data
        if self._appending:
            self._at = len(data)
        if self._at > len(data):
            data.extend(bytes(self._at - len(data)))
        data[self._at : self._at + len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def seek(self, offset, whence=0):
        base = (0, self._at, self._file.size)[whence]
        if base + offset < 0:
            raise tree.error(errno.EINVAL, self.name)
        self._at = base + offset
        return self._at

    def tell(self):
        return self._at

    def truncate(self, size=None):
        self._check(1, "truncate")
        size = self._at if size is None else size
        data = self._file.data
        del data[size:]
        data.extend(bytes(size - len(data)))
        return size

    def _check(self, which: int, what: str) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if not self._can[which]:
            raise io.UnsupportedOperation(f"{what}: the file is not open for that")


def open_raw(path, flags: int) -> Raw:
    """Opens a file as the system's `open` does."""
    node = tree.find(tree.full(path))
    if isinstance(node, tree.Folder):
        raise tree.error(errno.EISDIR, path)
    if node is None:
        if not flags & os.O_CREAT:
            raise tree.error(errno.ENOENT, path)
        folder, name = tree.folder_of(path)
        node = folder[name] = tree.File()
    elif flags & os.O_CREAT and flags & os.O_EXCL:
        raise tree.error(errno.EEXIST, path)
    access = flags & _ACCESS
    writable = access in (os.O_WRONLY, os.O_RDWR)
    raw = Raw(node, path, access in (os.O_RDONLY, os.O_RDWR), writable, bool(flags & os.O_APPEND))
    if flags & os.O_TRUNC and writable:
        raw.truncate(0)
    return raw


def numbered(raw: Raw) -> int:
    """A descriptor for it."""
    global _last
    _last += 1
    _open[_last] = raw
    return _last


def of(number) -> Raw | None:
    """The open file behind a descriptor, if it is one of ours."""
    return _open.get(number) if isinstance(number, int) else None


def close(number: int) -> None:
    _open.pop(number).close()


def open_file(path, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    """As the builtin `open`, for files of the session."""
    binary = "b" in mode
    letters = [letter for letter in mode if letter in "rwxa"]
    if len(letters) != 1 or set(mode) - set("rwxabt+"):
        raise ValueError(f"invalid mode: {mode!r}")
    if binary and (encoding or errors or newline is not None):
        raise ValueError("binary mode doesn't take an encoding, errors or newline argument")
    [letter] = letters
    flags = {"r": 0, "w": os.O_CREAT | os.O_TRUNC, "x": os.O_CREAT | os.O_EXCL, "a": os.O_CREAT | os.O_APPEND}[letter]
    flags |= os.O_RDWR if "+" in mode else os.O_RDONLY if letter == "r" else os.O_WRONLY
    raw = of(path)
    if raw is None and opener is not None:
        raw = of(opener(path, flags))
    if raw is None:
        raw = open_raw(path, flags)
    if letter == "a":
        raw.seek(0, 2)
    if buffering == 0 and binary:
        return raw
    kind = io.BufferedRandom if raw.readable() and raw.writable() else io.BufferedWriter if raw.writable() else io.BufferedReader
    buffered = kind(raw)
    if binary:
        return buffered
    text = io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline, line_buffering=buffering == 1)
    text.mode = mode
    return text
