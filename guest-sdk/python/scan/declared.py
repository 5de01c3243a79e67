"""What a project's `pyproject.toml` asks for."""

from pathlib import Path
from typing import Any


def requirements(folder: Path) -> list[str]:
    """Requirements as pip reads them; none if there is no such file, or it declares none."""
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
        document = _loads(text)
    except (OSError, ValueError):
        return []
    project = _table(document, "project").get("dependencies")
    if isinstance(project, list):
        return [" ".join(line.split()) for line in project if isinstance(line, str)]
    poetry = _table(document, "tool", "poetry", "dependencies")
    return [_poetry(name, wanted) for name, wanted in poetry.items() if name != "python"]


def _loads(text: str) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:
        # Before Python 3.11; pip has brought its own.
        from pip._vendor import tomli as tomllib
    return tomllib.loads(text)


def _table(document: dict[str, Any], *names: str) -> dict[str, Any]:
    here: Any = document
    for name in names:
        here = here.get(name) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}


def _poetry(name: str, wanted: Any) -> str:
    """A dependency in Poetry's own way: an exact version stays, a range of its kind does not, since pip knows none."""
    table = wanted if isinstance(wanted, dict) else {"version": wanted}
    extras = table.get("extras")
    name += f"[{','.join(extras)}]" if extras else ""
    version = str(table.get("version") or "*")
    if version[0].isdigit():
        return f"{name}=={version}"
    return f"{name}{version}" if version[0] in "<>=!" else name
