import zipfile

import wasm
import wheel


def test_a_library_of_nothing_is_a_module():
    library = wasm.empty_library()
    [(kind, body, _)] = wasm.sections(library)
    assert (kind, wasm.text(body, 0)[0]) == (wasm.CUSTOM, "dylink.0")
    assert wasm.imported(library) == set()


def custom(name):
    return wasm.section(wasm.CUSTOM, wasm.encoded(len(name)) + name.encode() + b"x")


def test_only_what_the_linker_reads_stays():
    imports = wasm.section(wasm.IMPORT, b"\x01" + b"\x08wasi:a/b" + b"\x01f" + b"\x00\x00")
    world, other = custom("component-type:imports"), custom("component-type:proxy")
    plain = wasm.MAGIC + custom("dylink.0") + custom("name") + world
    assert wasm.slim(plain) == wasm.MAGIC + custom("dylink.0")
    using = wasm.MAGIC + imports + custom("name") + world + other
    assert wasm.slim(using) == wasm.MAGIC + imports + world


def test_numbers_come_back():
    for number in [0, 127, 128, 300, 1 << 31]:
        encoded = wasm.encoded(number)
        assert wasm.number(encoded, 0) == (number, len(encoded))


def test_a_wheel_is_the_same_twice(tmp_path):
    about = wheel.metadata("a", "1", ["b"])
    (tmp_path / "2").mkdir()
    first = wheel.write(tmp_path, "a", "1", "py3-none-any", {"a.py": b"1"}, about)
    second = wheel.write(tmp_path / "2", "a", "1", "py3-none-any", {"a.py": b"1"}, about)
    assert first.read_bytes() == second.read_bytes()
    names = zipfile.ZipFile(first).namelist()
    assert names == ["a-1.dist-info/METADATA", "a-1.dist-info/RECORD", "a-1.dist-info/WHEEL", "a.py"]
    assert b"Requires-Dist: b" in about
