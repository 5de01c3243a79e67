"""What a docstring says of a function and of its parameters, in Google's, NumPy's or Sphinx's way."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns?|Raises|Yields|Examples?|Notes?)\s*:?\s*$", re.MULTILINE)
_GOOGLE = re.compile(r"^(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"^(\w+)\s*(?::.*)?$")
_SPHINX = re.compile(r"^:param(?:\s+[^:\s]+)*?\s+(\w+):\s*((?:.|\n(?!\s*:))*)", re.MULTILINE)


@dataclass
class Docstring:
    """A docstring, taken apart."""

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def read(function: Callable[..., Any]) -> Docstring:
    """The docstring of a function."""
    text = inspect.getdoc(function) or ""
    parameters = {name: _joined(said) for name, said in _SPHINX.findall(text)}
    text = re.split(r"^:\w+[^:\n]*:", text, maxsplit=1, flags=re.MULTILINE)[0]
    sections = list(_SECTION.finditer(text))
    summary = text[: sections[0].start()] if sections else text
    for at, section in enumerate(sections):
        if section[1] in ("Args", "Arguments", "Parameters"):
            end = sections[at + 1].start() if at + 1 < len(sections) else len(text)
            parameters |= _entries(text[section.end() : end])
    return Docstring(summary.strip(), {name: said for name, said in parameters.items() if said})


def _entries(body: str) -> dict[str, str]:
    """Google's ``name: text`` or NumPy's ``name : type`` with the text below; what is indented deeper goes on."""
    lines = [line for line in body.splitlines() if line.strip()]
    if lines and re.fullmatch(r"-+", lines[0].strip()):
        pattern, lines = _NUMPY, lines[1:]
    else:
        pattern = _GOOGLE
    outer = min((_indent(line) for line in lines), default=0)
    entries: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        match = pattern.match(line.strip()) if _indent(line) == outer else None
        if match is None:
            current.append(line)
            continue
        current = entries.setdefault(match[1].lstrip("*"), [])
        if pattern is _GOOGLE:
            current.append(match[2])
    return {name: _joined("\n".join(said)) for name, said in entries.items()}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _joined(text: str) -> str:
    return " ".join(text.split())
