import ast
import subprocess
import sys
from pathlib import Path

import findings
import pytest

SCAN = Path(__file__).parent.parent / "scan" / "scan.py"


def scan(project: Path, entry: str, tmp_path: Path) -> tuple[list[str], Path]:
    stage = tmp_path / "stage"
    done = subprocess.run(
        [sys.executable, "-B", SCAN, project, project / entry, stage], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines(), stage


@pytest.mark.parametrize(
    ("source", "line", "named"),
    [
        ("x = 1\nimport threading", 2, "threading"),
        ("from socket import socket", 1, "socket"),
        ("def f():\n    import subprocess", 2, "subprocess"),
        ("from urllib import request", 1, "urllib.request"),
        ("from concurrent.futures import ThreadPoolExecutor", 1, "ThreadPoolExecutor"),
        ("import boto3\nboto3.client('s3')", 2, "boto3's s3 client"),
        ("import os\ndef f(): os.system('ls')", 2, "os.system"),
        ("import time\nSTART = time.time()", 2, "time.time()"),
        ("import datetime\nclass A:\n    now = datetime.datetime.now()", 3, "datetime.datetime.now()"),
        ("import random\nSEED = random.random()", 2, "random.random()"),
    ],
)
def test_what_cannot_work_is_named_with_its_line(source, line, named):
    found = list(findings.warnings(ast.parse(source)))
    assert len(found) == 1
    assert found[0][0] == line
    assert found[0][1].startswith(named)


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio, json, urllib.parse",
        "import boto3\nboto3.client('bedrock-runtime')",
        "import time\ndef f(): return time.time()",
        "import time\nif __name__ == '__main__':\n    print(time.time())",
    ],
)
def test_what_works_is_not_named(source):
    assert list(findings.warnings(ast.parse(source))) == []


def test_imports_are_followed_through_the_authors_files(tmp_path):
    project = tmp_path / "agent"
    (project / "parts").mkdir(parents=True)
    (project / "agent.py").write_text("from parts import one\nimport missing")
    (project / "parts" / "__init__.py").write_text("")
    (project / "parts" / "one.py").write_text("from .two import x")
    (project / "parts" / "two.py").write_text("import strands, threading")
    (project / "stranger.py").write_text("import socket")
    lines, stage = scan(project, "agent.py", tmp_path)
    assert lines == [
        "import\tmissing",
        "import\tparts",
        "import\tstrands",
        "import\tthreading",
        "warning\tparts/two.py:1: threading works in part: threads of an agent's own functions run at once, and to their end, when they "
        "are started",
    ]
    assert (stage / "parts" / "two.py").is_file()


def test_what_is_no_part_of_an_agent_is_left_out(tmp_path):
    project = tmp_path / "agent"
    for name in (".git/x", "__pycache__/x", "own/pyvenv.cfg", "own/lib.py", "prompts/a.txt", "agent.py", "old.wasm"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("")
    _, stage = scan(project, "agent.py", tmp_path)
    copied = sorted(path.relative_to(stage).as_posix() for path in stage.rglob("*") if path.is_file())
    assert copied == ["agent.py", "prompts/a.txt"]


def test_of_a_crowded_folder_only_what_the_agent_names_is_taken(tmp_path):
    project = tmp_path / "home"
    (project / "many").mkdir(parents=True)
    for number in range(2001):
        (project / "many" / str(number)).write_text("")
    (project / "data.txt").write_text("")
    (project / "helper.py").write_text("")
    (project / "agent.py").write_text("import helper\nopen('data.txt')")
    lines, stage = scan(project, "agent.py", tmp_path)
    assert sorted(path.name for path in stage.iterdir()) == ["agent.py", "data.txt", "helper.py"]
    assert any(line.startswith("warning") and "folder of its own" in line for line in lines)


def test_a_file_that_cannot_be_read_is_left_to_the_build(tmp_path):
    project = tmp_path / "agent"
    project.mkdir()
    (project / "agent.py").write_text("def f(:")
    lines, stage = scan(project, "agent.py", tmp_path)
    assert lines == []
    assert (stage / "agent.py").is_file()
