import io
import os
import stat

import pytest
from kellion_agentcore.files import handle, system, tree


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    """A tree with nothing in it but the folder in which the agent is."""
    monkeypatch.setattr(tree, "root", tree.Folder())
    monkeypatch.setattr(system, "cwd", "/1")
    tree.make(["1"])


def write(path, text, mode="w"):
    with handle.open_file(path, mode) as file:
        file.write(text)


def read(path, mode="r"):
    with handle.open_file(path, mode) as file:
        return file.read()


def test_what_is_written_is_read():
    write("a.txt", "ü\nb\n")
    write("a.txt", "c", "a")
    assert read("/1/a.txt") == "ü\nb\nc"
    assert read("../1/a.txt", "rb") == "ü\nb\nc".encode()
    with handle.open_file("a.txt") as file:
        assert list(file) == ["ü\n", "b\n", "c"]
    write("a.txt", "d")
    assert read("a.txt") == "d"
    assert system.stat("a.txt").st_size == 1


def test_a_file_is_changed_in_its_middle():
    write("a", b"abcdef", "wb")
    with handle.open_file("a", "r+b") as file:
        file.seek(2)
        file.write(b"XY")
        file.seek(-1, 2)
        assert file.read() == b"f"
        file.truncate(5)
    assert read("a", "rb") == b"abXYe"


@pytest.mark.parametrize(
    ("mode", "error"), [("r", FileNotFoundError), ("x", None), ("rw", ValueError), ("", ValueError), ("w", None)]
)
def test_modes_of_a_file_that_is_not_there(mode, error):
    if error is None:
        write("new", "x", mode)
        assert read("new") == "x"
    else:
        with pytest.raises(error):
            handle.open_file("new", mode)


def test_errors_are_those_of_the_system():
    write("a", "x")
    with pytest.raises(FileExistsError):
        handle.open_file("a", "x")
    with pytest.raises(IsADirectoryError):
        handle.open_file("/1")
    with pytest.raises(FileNotFoundError, match="nowhere/b"):
        handle.open_file("nowhere/b", "w")
    with pytest.raises(NotADirectoryError):
        system.listdir("a")
    with pytest.raises(io.UnsupportedOperation):
        handle.open_file("a").write("x")
    with pytest.raises(OSError, match="empty"):
        system.rmdir("/1")
    with pytest.raises(OSError, match="Invalid"):
        system.rename("/1", "/1/2")


def test_folders():
    system.mkdir("d")
    write("d/a", "x")
    assert system.listdir("d") == ["a"]
    with system.scandir("d") as entries:
        [entry] = entries
    assert (entry.path, entry.is_file(), entry.is_dir(), entry.stat().st_size) == ("d/a", True, False, 1)
    assert stat.S_ISDIR(system.stat("d").st_mode)
    system.rename("d/a", "b")
    system.rmdir("d")
    assert system.listdir(".") == ["b"]
    system.unlink("b")
    assert not system.access("b", os.F_OK)


def test_descriptors():
    number = system.open("a", os.O_CREAT | os.O_RDWR | os.O_EXCL)
    assert system.write(number, b"abc") == 3
    with handle.open_file(number, "r+") as file:
        assert file.read() == ""
        file.seek(0)
        assert file.read() == "abc"
    number = system.open("a", os.O_RDONLY)
    assert (system.lseek(number, 1, 0), system.read(number, 9), system.fstat(number).st_size) == (1, b"bc", 3)
    system.close(number)
    with pytest.raises(FileExistsError):
        system.open("a", os.O_CREAT | os.O_EXCL)


def test_what_is_kept_packed_is_unpacked_to_be_changed():
    tree.put("/1/data", tree.File.pack(b"abc" * 100))
    assert read("data") == "abc" * 100
    assert system.stat("data").st_size == 300
    write("data", "d", "a")
    assert read("data") == "abc" * 100 + "d"
