import sys

from kellion import _ahead


def test_what_functions_import_is_imported_ahead(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "ahead_package"
    package.mkdir()
    (package / "__init__.py").write_text("def f():\n    from . import first\n    import not_there_at_all\n")
    (package / "first.py").write_text("async def f():\n    from .second import x\n    import ahead_plain\n")
    (package / "second.py").write_text("x = 1\n")
    (package / "third.py").write_text("1 / 0\n")
    (tmp_path / "ahead_plain.py").write_text("")
    __import__("ahead_package")
    _ahead.wanted_by([str(tmp_path)])
    assert {"ahead_package.first", "ahead_package.second", "ahead_plain"} <= sys.modules.keys()
    assert "ahead_package.third" not in sys.modules
