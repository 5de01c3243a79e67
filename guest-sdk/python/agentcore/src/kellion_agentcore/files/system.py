"""The functions of `os`, for files of the session."""

import errno
import os
import stat as kinds

from . import handle, tree

cwd = "/"


def _result(node) -> os.stat_result:
    links = 2 if isinstance(node, tree.Folder) else 1
    return os.stat_result((node.mode, id(node), 1, links, 0, 0, node.size, node.changed, node.changed, node.changed))


def stat(path, *, dir_fd=None, follow_symlinks=True):
    raw = handle.of(path)
    return _result(raw._file if raw is not None else tree.get(path))


def lstat(path, *, dir_fd=None):
    return stat(path)


def fstat(number):
    return stat(number)


def access(path, mode, **_):
    return tree.find(tree.full(path)) is not None


def open(path, flags, mode=0o777, *, dir_fd=None):
    return handle.numbered(handle.open_raw(path, flags))


def close(number):
    handle.close(number)


def read(number, length):
    buffer = bytearray(length)
    return bytes(buffer[: handle.of(number).readinto(buffer)])


def write(number, data):
    return handle.of(number).write(data)


def lseek(number, position, how):
    return handle.of(number).seek(position, how)


def ftruncate(number, length):
    handle.of(number).truncate(length)


def fsync(number):
    """Memory is as durable as the session."""


def isatty(number):
    return False


def truncate(path, length):
    handle.open_raw(path, os.O_WRONLY).truncate(length)


def _folder(path) -> tree.Folder:
    node = tree.get(path)
    if not isinstance(node, tree.Folder):
        raise tree.error(errno.ENOTDIR, path)
    return node


def listdir(path="."):
    return list(_folder(path))


class Entry(os.PathLike):
    """What `os.scandir` gives."""

    def __init__(self, folder: str, name: str, node):
        self.name, self._node = name, node
        self.path = os.path.join(folder, name)

    def __fspath__(self):
        return self.path

    def is_dir(self, *, follow_symlinks=True):
        return isinstance(self._node, tree.Folder)

    def is_file(self, *, follow_symlinks=True):
        return isinstance(self._node, tree.File)

    def is_symlink(self):
        return False

    is_junction = is_symlink

    def stat(self, *, follow_symlinks=True):
        return _result(self._node)

    def inode(self):
        return id(self._node)

    def __repr__(self):
        return f"<DirEntry {self.name!r}>"


class _Scan:
    def __init__(self, entries):
        self._entries = iter(entries)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass


def scandir(path="."):
    folder = os.fsdecode(path)
    return _Scan([Entry(folder, name, node) for name, node in list(_folder(path).items())])


def mkdir(path, mode=0o777, *, dir_fd=None):
    folder, name = tree.folder_of(path)
    if name in folder:
        raise tree.error(errno.EEXIST, path)
    folder[name] = tree.Folder()


def rmdir(path, *, dir_fd=None):
    if _folder(path):
        raise tree.error(errno.ENOTEMPTY, path)
    folder, name = tree.folder_of(path)
    del folder[name]


def unlink(path, *, dir_fd=None):
    if isinstance(tree.get(path), tree.Folder):
        raise tree.error(errno.EISDIR, path)
    folder, name = tree.folder_of(path)
    del folder[name]


def rename(source, target, *, src_dir_fd=None, dst_dir_fd=None):
    node = tree.get(source)
    there = tree.find(tree.full(target))
    if isinstance(there, tree.Folder) and (there or not isinstance(node, tree.Folder)):
        raise tree.error(errno.ENOTEMPTY if there else errno.EISDIR, target)
    if (tree.full(target) + "/").startswith(tree.full(source) + "/") and there is not node:
        raise tree.error(errno.EINVAL, target)
    folder, name = tree.folder_of(target)
    old, old_name = tree.folder_of(source)
    del old[old_name]
    folder[name] = node


def chmod(path, mode, **_):
    node = tree.get(path)
    node.mode = kinds.S_IFMT(node.mode) | mode & 0o7777


def utime(path, times=None, *, ns=None, **_):
    node = tree.get(path)
    if times is not None:
        node.changed = times[1]
    elif ns is not None:
        node.changed = ns[1] / 1e9


def readlink(path, **_):
    tree.get(path)
    raise tree.error(errno.EINVAL, path)


def getcwd():
    return cwd


def getcwdb():
    return cwd.encode()


def chdir(path):
    global cwd
    _folder(path)
    cwd = tree.full(path)
