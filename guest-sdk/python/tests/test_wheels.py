import zipfile

import pure


def test_a_wheel_without_native_code_fits_every_machine(tmp_path):
    wheel = tmp_path / "some-1.0-cp314-cp314-manylinux_2_17_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("some/__init__.py", "x = 1")
        archive.writestr("some/_fast.cpython-314-x86_64-linux-gnu.so", b"\x7fELF")
        archive.writestr("some-1.0.dist-info/METADATA", "Name: some")
        archive.writestr("some-1.0.dist-info/WHEEL", "Root-Is-Purelib: false")
        archive.writestr("some-1.0.dist-info/RECORD", "stale")
    made = pure.strip(wheel, tmp_path)
    assert made.name == "some-1.0-py3-none-any.whl"
    with zipfile.ZipFile(made) as archive:
        assert archive.namelist() == [
            "some/__init__.py",
            "some-1.0.dist-info/METADATA",
            "some-1.0.dist-info/WHEEL",
            "some-1.0.dist-info/RECORD",
        ]
        assert b"Tag: py3-none-any" in archive.read("some-1.0.dist-info/WHEEL")
        assert b"some/__init__.py,sha256=" in archive.read("some-1.0.dist-info/RECORD")
