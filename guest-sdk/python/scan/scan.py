"""Looks at an author's files before they are built: what they import, and what of it cannot work in a cell.

    python scan.py PROJECT ENTRY STAGE

copies the project to the folder STAGE, where the build finds nothing else, and prints one line for each thing found: its
kind, a tab, and a text. What a `pyproject.toml` declares is among it.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import declared
import findings
import stage


def main(project: Path, entry: Path, target: Path) -> None:
    """Prints what is found."""
    files = list(closure(project, entry))
    imports = set().union(*(findings.imported(tree) for _, tree in files))
    agentcore = findings.is_agentcore(imports)
    warnings: list[str] = []
    for path, tree in files:
        name = path.relative_to(project).as_posix()
        warnings += [f"{name}:{line}: {text}" for line, text in findings.warnings(tree, agentcore=agentcore)]
    for top in sorted({name.split(".")[0] for name in imports}):
        print(f"import\t{top}")
    for warning in dict.fromkeys(warnings):
        print(f"warning\t{warning}")
    for requirement in declared.requirements(entry.parent) or declared.requirements(project):
        print(f"requirement\t{requirement}")
    if not stage.copy_all(project, target):
        stage.copy_named(project, [path for path, _ in files], [tree for _, tree in files], target)
        print(
            f"warning\t{project} holds much beside the agent, so only what the agent's files import and name was taken; "
            "give the agent a folder of its own"
        )


def closure(project: Path, entry: Path) -> Iterator[tuple[Path, ast.Module]]:
    """The entry, and the files below the project that it imports, directly or not."""
    roots = list(dict.fromkeys([entry.parent, project]))
    waiting, seen = [entry], {entry}
    while waiting:
        path = waiting.pop(0)
        try:
            tree = ast.parse(path.read_bytes(), str(path))
        except (OSError, SyntaxError, ValueError):
            # The build imports the file in the cell's own Python, which knows better and tells more.
            continue
        yield path, tree
        own = path.parent
        for name in sorted(findings.imported(tree, relative=True)):
            level = len(name) - len(name.lstrip("."))
            bases = roots if level == 0 else [own.joinpath(*[".."] * (level - 1)).resolve()]
            for base in bases:
                for found in _files(base, name.lstrip(".").split(".")):
                    if found not in seen:
                        seen.add(found)
                        waiting.append(found)


def _files(base: Path, parts: list[str]) -> Iterator[Path]:
    """The files that are read when the module of that name is imported, as far as they lie there."""
    for count in range(1, len(parts) + 1):
        path = base.joinpath(*parts[:count])
        if path.with_suffix(".py").is_file() and path.name:
            yield path.with_suffix(".py")
        elif (path / "__init__.py").is_file():
            yield path / "__init__.py"


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:4]))
