"""Sources and metadata of packages, kept in memory: the built component has no files.

What an agent's module imports while it is loaded is part of the component already. Beside that, packages import when they
are used, within functions. `keep` follows such imports from what is loaded, and keeps the sources that it finds.
"""

import importlib.abc
import importlib.metadata
import importlib.util
import os
import re
import sys
import zlib

# Folders of packages that no agent runs.
_LEFT_OUT = {"tests", "test", "testing", "benchmarks", "idlelib", "tkinter", "ensurepip", "pydoc_data", "_pyrepl", "lib2to3",
             "turtledemo", "__pycache__"}

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]+)|import[ \t]+([^\n#;]+))", re.M
)
_NAME = re.compile(rb"[A-Za-z_][\w.]*")
_LAZY = re.compile(rb"^def __getattr__\(", re.M)


class _Source:
    """A module that is not loaded."""

    def __init__(self, path: str, package: bool, text: bytes):
        self.path = path
        self.package = package
        self.packed = zlib.compress(text, 9)


_sources: dict[str, _Source] = {}
_metadata: dict[str, dict[str, str]] = {}


def keep() -> None:
    """Keeps what loaded modules may import later."""
    seen = set(sys.modules)
    work = []
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.endswith(".py"):
            work.append((name, path, path.endswith("__init__.py")))
    while work:
        name, path, package = work.pop()
        try:
            with open(path, "rb") as file:
                text = file.read()
        except FileNotFoundError:
            # A package without a file of its own, which is only the name of what is in it.
            text = b""
        except OSError:
            continue
        if name not in sys.modules:
            _sources[name] = _Source(path, package, text)
        for wanted in _imports(name, package, text):
            for prefix in _prefixes(wanted):
                if prefix not in seen:
                    seen.add(prefix)
                    found = _find(prefix)
                    if found:
                        work.append((prefix, *found))


def _imports(name: str, package: bool, text: bytes):
    """The modules that a source names in its imports, as far as one can see without running it."""
    base = name if package else name.rpartition(".")[0]
    for match in _IMPORT.finditer(text):
        origin, names, plain = match.groups()
        if plain is not None:
            for part in plain.split(b","):
                found = _NAME.match(part.strip())
                if found:
                    yield found.group().decode()
            continue
        origin = origin.decode()
        dots = len(origin) - len(origin.lstrip("."))
        module = origin[dots:]
        if dots:
            parts = base.split(".")
            parent = ".".join(parts[: len(parts) - dots + 1])
            module = f"{parent}.{module}" if module else parent
        if not module:
            continue
        yield module
        for part in names.strip(b"()").split(b","):
            found = _NAME.match(part.strip())
            if found:
                yield f"{module}.{found.group().decode()}"
    if package and _LAZY.search(text):
        # Its names come when they are asked for, from modules beside it.
        folder = _find(name)
        if folder:
            for entry in os.listdir(os.path.dirname(folder[0])):
                if entry.endswith(".py") and entry != "__init__.py":
                    yield f"{name}.{entry[:-3]}"


def _prefixes(name: str):
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        if parts[end - 1] in _LEFT_OUT:
            return
        yield ".".join(parts[:end])


def _find(name: str):
    """The source of a module and whether it is a package, without importing anything."""
    relative = name.replace(".", "/")
    for root in sys.path:
        package = os.path.join(root, relative, "__init__.py")
        if os.path.isfile(package):
            return package, True
        module = os.path.join(root, relative + ".py")
        if os.path.isfile(module):
            return module, False
    for root in sys.path:
        if os.path.isdir(os.path.join(root, relative)):
            return os.path.join(root, relative, "__init__.py"), True
    return None


def keep_metadata() -> None:
    """Keeps names, versions and entry points of the installed packages."""
    for root in sys.path:
        if not os.path.isdir(root):
            continue
        for folder in os.listdir(root):
            if not folder.endswith(".dist-info"):
                continue
            files = {}
            for name in ("METADATA", "entry_points.txt"):
                path = os.path.join(root, folder, name)
                if os.path.isfile(path):
                    with open(path, encoding="utf-8") as file:
                        text = file.read()
                    # A package's description is long, and nobody asks for it.
                    files[name] = text.split("\n\n")[0] + "\n" if name == "METADATA" else text
            _metadata.setdefault(_normalized(folder.split("-")[0]), files)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class _Loader(importlib.abc.InspectLoader):
    def __init__(self, name):
        self._name = name

    def is_package(self, fullname):
        return _sources[fullname].package

    def get_source(self, fullname):
        return importlib.util.decode_source(zlib.decompress(_sources[fullname].packed))

    def get_filename(self, fullname):
        return _sources[fullname].path

    def get_code(self, fullname):
        return compile(self.get_source(fullname), self.get_filename(fullname), "exec", dont_inherit=True)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.get_code(module.__spec__.name), module.__dict__)


class _Distribution(importlib.metadata.Distribution):
    def __init__(self, files):
        self._files = files

    def read_text(self, filename):
        return self._files.get(filename)

    def locate_file(self, path):
        raise FileNotFoundError(f"{path}: a cell has no files")


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        source = _sources.get(fullname)
        if source is None:
            return None
        spec = importlib.util.spec_from_loader(
            fullname, _Loader(fullname), origin=source.path, is_package=source.package
        )
        spec.has_location = True
        return spec

    def find_distributions(self, context=importlib.metadata.DistributionFinder.Context()):
        if context.name is None:
            return [_Distribution(files) for files in _metadata.values()]
        files = _metadata.get(_normalized(context.name))
        return [_Distribution(files)] if files else []


def install() -> None:
    """Lets imports find what is kept, where they find nothing else."""
    sys.meta_path.append(_Finder())
