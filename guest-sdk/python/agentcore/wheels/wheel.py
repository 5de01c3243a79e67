"""Writes wheels, the same bytes for the same files."""

import base64
import hashlib
import zipfile
from pathlib import Path

# Archives hold times; this one is as good as any.
TIME = (2020, 1, 1, 0, 0, 0)


def metadata(name: str, version: str, needs: list[str]) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    return ("\n".join(lines) + "\n").encode()


def write(folder: Path, name: str, version: str, tag: str, files: dict[str, bytes], about: bytes) -> Path:
    """Writes a wheel of these files, each with its path in it, and gives its path."""
    info = f"{name}-{version}.dist-info"
    pure = "true" if tag.endswith("any") else "false"
    entries = {
        **files,
        f"{info}/METADATA": about,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: kellion\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode(),
    }
    record = [f"{path},sha256={digest(data)},{len(data)}" for path, data in sorted(entries.items())]
    entries[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    wheel = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in sorted(entries.items()):
            archive.writestr(zipfile.ZipInfo(path, TIME), data, zipfile.ZIP_DEFLATED)
    return wheel


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
