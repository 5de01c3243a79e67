"""Copies an author's files to where the build reads them."""

import ast
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

MOST_FILES = 2_000
MOST_BYTES = 64 << 20
"""Of a project. More than that is no agent, but a folder with an agent in it."""

_LEFT_OUT = {"__pycache__", "node_modules", "venv", "env", "target", "dist"}


def copy_all(project: Path, target: Path) -> bool:
    """Copies the whole project; false, and nothing is copied, if it is too much."""
    found: list[Path] = []
    size = 0
    for path in _walk(project):
        found.append(path)
        size += path.stat().st_size
        if len(found) > MOST_FILES or size > MOST_BYTES:
            return False
    _copy(project, found, target)
    return True


def copy_named(project: Path, files: list[Path], trees: list[ast.Module], target: Path) -> None:
    """Copies these files, and the files and folders that texts in them name."""
    named: set[Path] = set(files)
    for path, tree in zip(files, trees, strict=True):
        for text in _texts(tree):
            for base in (path.parent, project):
                candidate = (base / text).resolve()
                if not candidate.is_relative_to(project) or candidate == project:
                    continue
                if candidate.is_file():
                    named.add(candidate)
                elif candidate.is_dir():
                    named.update(_walk(candidate))
    _copy(project, sorted(named)[:MOST_FILES], target)


def _texts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and 0 < len(node.value) <= 200:
            if node.value.isprintable() and node.value.strip(". /"):
                yield node.value


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _LEFT_OUT or path.suffix == ".wasm":
            continue
        if path.is_dir() and not path.is_symlink():
            if not (path / "pyvenv.cfg").exists():
                yield from _walk(path)
        elif path.is_file():
            yield path


def _copy(project: Path, files: Iterable[Path], target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in files:
        copied = target / path.relative_to(project)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)
