import logging
import os
import random
import sys
import types

import pytest
from bindings import Err
from wit_world.imports import types as wit

from kellion import App, InvalidPayload, _environ, _host, _output, _start
from kellion._entry import Entry


@pytest.fixture
def turn(host, monkeypatch):
    """Takes a turn of a function, as the component does."""
    before = _host.current
    context = types.SimpleNamespace(
        session_id="s",
        request_id="r",
        turn=1,
        agent_name="a",
        agent_version="1",
        endpoint="DEFAULT",
        tenant_id="0",
        user_id=None,
        headers=[types.SimpleNamespace(name="x-a", value="1")],
        content_type="application/json",
        accept=None,
        deadline_ms=None,
        traceparent=None,
    )

    def take(function, payload=b"{}"):
        monkeypatch.setattr(_start, "_entry", Entry(function))
        return _start.WitWorld().invoke(payload, context)

    yield take
    _host.swap(before)


def test_a_turn_answers(turn):
    assert turn(lambda payload, context: context.header("X-A")) == b'"1"'


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("bad luck"), "bad luck"),
        (KeyError("prompt"), "KeyError: 'prompt'"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (ValueError("\ud800"), "?"),
    ],
)
def test_whatever_is_raised_becomes_an_agent_error(turn, host, error, message):
    def fail(payload):
        raise error

    with pytest.raises(Err) as caught:
        turn(fail)
    assert caught.value.value == wit.AgentError_Failed(message)
    level, text = host.logged[-1]
    assert level == "ERROR"
    assert text.startswith("Traceback")
    assert "in fail" in text
    assert "_entry.py" not in text
    assert turn(lambda payload: "goes on") == b'"goes on"'


def test_a_payload_that_does_not_fit_is_the_callers_mistake(turn, host):
    def refuse(payload):
        raise InvalidPayload("no")

    with pytest.raises(Err) as caught:
        turn(refuse)
    assert caught.value.value == wit.AgentError_InvalidPayload("no")
    assert host.logged == []


def test_endless_recursion_is_an_error_of_the_turn(turn):
    def recurse(payload):
        return recurse(payload)

    with pytest.raises(Err) as caught:
        turn(recurse)
    assert "RecursionError" in caught.value.value.value


def test_sessions_do_not_share_the_builds_random_numbers(turn, host):
    _host.swap(object())
    random.seed(1)
    built = random.Random(1).random()
    assert turn(lambda payload: random.random()) != str(built).encode()


def test_print_and_logging_reach_the_log(host, turn, monkeypatch):
    for name in ("stdout", "stderr", "__stdout__", "__stderr__", "excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(logging, "basicConfig", logging.basicConfig)
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    _output.install()

    def speak(payload):
        print("one", 1)
        print("two\nlines")
        print("half", end="")
        print("oops", file=sys.stderr)
        sys.stdout.buffer.write(b" of it")
        logging.basicConfig(level=logging.DEBUG, format="%(levelname)s %(message)s")
        logging.getLogger("x").debug("deep")
        logging.getLogger("x").error("bad")

    turn(speak)
    assert host.logged == [
        ("INFO", "one 1"),
        ("INFO", "two\nlines"),
        ("WARN", "oops"),
        ("DEBUG", "DEBUG deep"),
        ("ERROR", "ERROR bad"),
        ("INFO", "half of it"),
    ]


def test_the_entrypoint_is_found_in_the_authors_module():
    module = types.ModuleType("agent")
    app = module.app = App()

    @app.entrypoint
    def invoke(payload):
        return payload

    assert _start.find(module) is invoke


@pytest.mark.parametrize("with_app", [False, True])
def test_a_module_without_an_agent_is_refused_in_the_authors_words(tmp_path, monkeypatch, with_app):
    monkeypatch.setattr(_start, "_report_folder", str(tmp_path))
    module = types.ModuleType("agent")
    if with_app:
        module.app = App()
    with pytest.raises(SystemExit):
        _start.find(module)
    assert "@app.entrypoint" in (tmp_path / "error.txt").read_text()


def test_a_module_that_fails_shows_the_authors_lines_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(_start, "_report_folder", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "broken_agent.py").write_text("import broken_helper\n")
    (tmp_path / "broken_helper.py").write_text("1 / 0\n")
    with pytest.raises(SystemExit):
        _start.load("broken_agent")
    told = (tmp_path / "error.txt").read_text()
    assert told.splitlines()[1].endswith('broken_agent.py", line 1, in <module>')
    assert "_start.py" not in told
    assert told.endswith("ZeroDivisionError: division by zero")


def test_a_syntax_error_shows_the_line(tmp_path, monkeypatch):
    monkeypatch.setattr(_start, "_report_folder", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "misspelt_agent.py").write_text("def f(:\n    pass\n")
    with pytest.raises(SystemExit):
        _start.load("misspelt_agent")
    told = (tmp_path / "error.txt").read_text()
    assert "def f(:" in told
    assert "importlib" not in told


def test_what_the_module_sets_outlasts_the_build_and_its_defaults_give_way(host, turn, monkeypatch):
    kind = type(os.environ)
    monkeypatch.setattr(_environ, "_kept", {})
    monkeypatch.setattr(_environ, "_defaults", {})
    try:
        _environ.begin({"BUILD_ONLY": "1"})
        os.environ["MODULE_SET"] = "mine"
        os.environ.setdefault("MODULE_DEFAULT", "weak")
        os.environ.setdefault("OTHER_DEFAULT", "weak")
        _environ.finish()
        # The interpreter that goes on begins without an environment.
        os.environ.pop("MODULE_SET")
        host.settings["MODULE_DEFAULT"] = host.settings["MODULE_SET"] = "configured"
        names = ["MODULE_SET", "MODULE_DEFAULT", "OTHER_DEFAULT", "BUILD_ONLY"]
        assert turn(lambda payload: [os.getenv(name) for name in names]) == b'["mine", "configured", "weak", null]'
    finally:
        os.environ.__class__ = kind
        os.environ.pop("MODULE_SET", None)


def test_the_environment_is_the_configuration_once_it_is_built(host, turn, monkeypatch):
    kind = type(os.environ)
    try:
        _environ.begin({"BUILD_ONLY": "1"})
        assert os.environ["BUILD_ONLY"] == "1"
        _environ.finish()
        host.settings["SETTING"] = "on"
        assert turn(lambda payload: [os.getenv("SETTING"), os.getenv("BUILD_ONLY"), "SETTING" in os.environ]) == (
            b'["on", null, true]'
        )
    finally:
        os.environ.__class__ = kind


@pytest.mark.parametrize(
    ("module", "advice"),
    [
        ("package_that_is_not_there", "(the agent has no package package_that_is_not_there: name it in requirements.txt"),
        ("email.not_there", "(the cell's Python has no email"),
    ],
)
def test_a_package_that_is_not_there_is_named_with_what_to_do(tmp_path, monkeypatch, module, advice):
    monkeypatch.setattr(_start, "_report_folder", str(tmp_path))
    with pytest.raises(SystemExit):
        _start.load(module)
    assert advice in (tmp_path / "error.txt").read_text()
