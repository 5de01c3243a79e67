import importlib
import sys

import pytest
from kellion_agentcore import frozen


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that imports parts of itself when they are used, and is gone after it was loaded."""
    folder = tmp_path / "late_pkg"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "def first():\n    from . import one\n    return one.VALUE\n\n"
        "def second():\n    import late_pkg.two as two\n    return two.value()\n"
    )
    (folder / "one.py").write_text("VALUE = 1\n")
    (folder / "two.py").write_text("from .deep import (\n    VALUE,\n)\n\ndef value():\n    return VALUE\n")
    (folder / "deep.py").write_text("VALUE = 'ü'\n")
    (folder / "unused.py").write_text("VALUE = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(frozen, "_sources", {})
    module = importlib.import_module("late_pkg")
    frozen.keep()
    for file in folder.iterdir():
        if file.is_file():
            file.unlink()
    finder = frozen._Finder()
    sys.meta_path.append(finder)
    importlib.invalidate_caches()
    yield module
    sys.meta_path.remove(finder)
    for name in [name for name in sys.modules if name.split(".")[0] == "late_pkg"]:
        del sys.modules[name]


def test_what_functions_import_is_there_without_files(package):
    assert package.first() == 1
    assert package.second() == "ü"


def test_what_nobody_imports_is_not_kept(package):
    assert "late_pkg.deep" in frozen._sources
    assert "late_pkg.unused" not in frozen._sources
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("late_pkg.unused")
