"""Builds the wheels of Python packages that are native elsewhere: `build.py WHEELS WORK`.

Each source distribution is fetched by pip, which checks its digest, and compiled with stable Rust for `wasm32-wasip2` into
a shared library that the interpreter of the cell is linked with. Nothing of the sources is changed, and the same sources
give the same bytes. Packages of which only an accelerator is native come without it.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import wasm
import wheel

HERE = Path(__file__).parent
SUFFIX = ".cpython-314-wasm32-wasi.so"
NATIVE = "cp314-cp314-wasi_wasm32"
PURE = "py3-none-any"

# What PyO3 would otherwise ask an interpreter for.
PYO3 = """\
implementation=CPython
version=3.14
shared=true
abi3=false
lib_name=python3.14
pointer_width=32
build_flags=
suppress_build_script_link_lines=true
"""

# Of each source distribution: the folder with its Python files, the crate's library and the module that it becomes.
RECIPES = {
    "pydantic_core": ("python", "_pydantic_core", "pydantic_core/_pydantic_core"),
    "rpds_py": (None, "rpds", "rpds/rpds"),
    "pyyaml": ("lib", None, None),
}

# The one Python file of rpds, which its build tool would write.
RPDS = b"from .rpds import *\n\n__doc__ = rpds.__doc__\nif hasattr(rpds, '__all__'):\n    __all__ = rpds.__all__\n"


def main(wheels: Path, work: Path) -> None:
    wheels.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    for name, folder in sources(work).items():
        python, library, module = RECIPES[name]
        files = {}
        if python is not None:
            files = read(folder / python)
        elif name == "rpds_py":
            files = {"rpds/__init__.py": RPDS}
        if library is not None:
            files[module + SUFFIX] = compiled(folder, library, work)
        version = folder.name.rpartition("-")[2]
        tag = NATIVE if library else PURE
        wheel.write(wheels, name, version, tag, files, (folder / "PKG-INFO").read_bytes())
    for name, version, needs in stand_ins():
        wheel.write(wheels, name, version, PURE, {}, wheel.metadata(name, version, needs))


def sources(work: Path) -> dict[str, Path]:
    """The unpacked source distributions."""
    wanted = (HERE / "sources.txt").read_text()
    names = re.findall(r"^([\w-]+)==", wanted, re.M)
    archives = work / "archives"
    run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--require-hashes", "--no-binary", ",".join(names), "--dest", str(archives),
         "--requirement", str(HERE / "sources.txt")]
    )
    folders = {}
    for archive in sorted(archives.glob("*.tar.gz")):
        with tarfile.open(archive) as tar:
            tar.extractall(work / "sources", filter="data")
        stem = archive.name.removesuffix(".tar.gz")
        folders[stem.rpartition("-")[0].replace("-", "_").lower()] = work / "sources" / stem
    return folders


def compiled(crate: Path, library: str, work: Path) -> bytes:
    """The crate as a shared library of the interpreter."""
    links = work / "link"
    links.mkdir(exist_ok=True)
    for name in ("libc.so", "libpython3.14.so"):
        # The symbols are found when the component is linked; rustc only wants to see the files.
        (links / name).write_bytes(wasm.empty_library())
    config = work / "pyo3.txt"
    config.write_text(PYO3)
    target = work / "target"
    home = os.environ.get("CARGO_HOME") or str(Path.home() / ".cargo")
    flags = [
        f"--remap-path-prefix={home}=/cargo",
        f"--remap-path-prefix={crate.parent}=/src",
        "-Clink-args=--skip-wit-component",
        "-Clink-args=-shared",
        f"-Clink-args=-L{links}",
        "-Clink-self-contained=n",
        "-Crelocation-model=pic",
        "--cfg",
        "pyo3_disable_reference_pool",
    ]
    environment = {
        **os.environ,
        "PYO3_CONFIG_FILE": str(config),
        "CARGO_TARGET_DIR": str(target),
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
        # Without whole-program optimisation, WASI imports that nothing uses would stay, and the linker refuses them.
        "CARGO_PROFILE_RELEASE_LTO": "fat",
        "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "1",
        "CARGO_PROFILE_RELEASE_STRIP": "true",
        "CARGO_PROFILE_RELEASE_PANIC": "abort",
    }
    # The toolchain that is chosen here need not be that of the author's project. Cargo says what is missing otherwise.
    if shutil.which("rustup"):
        subprocess.run(["rustup", "target", "add", "wasm32-wasip2"], cwd=crate, check=False)
    run(
        ["cargo", "rustc", "--quiet", "--locked", "--lib", "--crate-type", "cdylib", "--release", "--target", "wasm32-wasip2"],
        cwd=crate,
        env=environment,
    )
    return wasm.slim((target / "wasm32-wasip2/release" / f"{library}.wasm").read_bytes())


def read(root: Path) -> dict[str, bytes]:
    """The Python files below a folder."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*.py"))
    }


def stand_ins():
    """Packages whose place the SDK takes: pip only has to see that they are there."""
    for line in (HERE / "stand-ins.txt").read_text().splitlines():
        name, _, rest = line.partition("#")[0].strip().partition("==")
        if name:
            version, *needs = rest.split()
            yield name, version, needs


def run(command: list[str], **options) -> None:
    try:
        subprocess.run(command, check=True, **options)
    except FileNotFoundError:
        raise SystemExit(
            f"{command[0]} is missing: the packages that are native elsewhere are compiled with Rust; "
            "install it from https://rustup.rs, then: rustup target add wasm32-wasip2"
        ) from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
    shutil.rmtree(Path(sys.argv[2]), ignore_errors=True)
