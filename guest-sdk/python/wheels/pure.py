"""Makes wheels without native code of packages that work without theirs, but publish no such wheel.

    python pure.py FOLDER

downloads what requirements.txt beside this file names, for some machine, and leaves in FOLDER the same packages without
what is for that machine alone.
"""

import base64
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SOME_MACHINE = [
    *("--only-binary", ":all:", "--python-version", "3.14", "--implementation", "cp", "--abi", "cp314"),
    *("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_17_x86_64"),
    *("--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_5_x86_64"),
]
NATIVE = (".so", ".pyd", ".dylib", ".c", ".h", ".pyx", ".pxd")
EARLIEST = (1980, 1, 1, 0, 0, 0)


def main(folder: Path) -> None:
    """Fills the folder."""
    wanted = Path(__file__).with_name("requirements.txt")
    with tempfile.TemporaryDirectory() as downloads:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, *SOME_MACHINE, "--dest", downloads, "--requirement", wanted], check=True)
        folder.mkdir(parents=True, exist_ok=True)
        for wheel in sorted(Path(downloads).glob("*.whl")):
            strip(wheel, folder)


def strip(wheel: Path, folder: Path) -> Path:
    """The wheel without native code, as one that fits every machine."""
    name, version = wheel.name.split("-")[:2]
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist() if not entry.endswith(("/", *NATIVE))}
    # A wheel writes its own name as it likes.
    info = next((entry.split("/")[0] for entry in files if entry.split("/")[0].endswith(".dist-info")), info)
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: kellion\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files.pop(f"{info}/RECORD", None)
    files[f"{info}/RECORD"] = _record(files, info)
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in files.items():
            archive.writestr(zipfile.ZipInfo(entry, EARLIEST), data)
    return made


def _record(files: dict[str, bytes], info: str) -> bytes:
    lines = []
    for entry, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{entry},sha256={digest},{len(data)}\n")
    return ("".join(lines) + f"{info}/RECORD,,\n").encode()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
