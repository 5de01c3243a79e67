import declared
import pytest

PROJECT = """
[project]
name = "agent"
dependencies = ["strands-agents[otel]>=1.0", "httpx ; python_version > '3.9'"]
"""

POETRY = """
[tool.poetry.dependencies]
python = "^3.12"
strands-agents = "^1.0"
httpx = "0.28.1"
rich = ">=14"
uvicorn = { version = "*", extras = ["standard"] }
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (PROJECT, ["strands-agents[otel]>=1.0", "httpx ; python_version > '3.9'"]),
        (POETRY, ["strands-agents", "httpx==0.28.1", "rich>=14", "uvicorn[standard]"]),
        ("[tool.ruff]\nline-length = 100\n", []),
        ("[project\n", []),
        ("project = 1\n[tool]\npoetry = []\n", []),
    ],
)
def test_what_is_declared(tmp_path, text, wanted):
    (tmp_path / "pyproject.toml").write_text(text)
    assert declared.requirements(tmp_path) == wanted


def test_without_a_file_nothing_is_declared(tmp_path):
    assert declared.requirements(tmp_path) == []
