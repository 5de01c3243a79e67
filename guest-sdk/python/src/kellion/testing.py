"""For an agent's unit tests, which run on any Python. ::

    from kellion.testing import Script, invoke

    def test_weather():
        with Script().calls("weather", city="Lima").says("It is sunny.") as script:
            answer = invoke(agent.app, {"prompt": "How is the weather?"})
        assert answer.value == "It is sunny."
        assert len(script.requests) == 2
"""

import copy
import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import _host, _json
from ._entry import Entry
from .app import App
from .context import Context
from .model import Done, Error, Event, Request, Response, Text, TextDelta, ToolUse, Usage
from .model.stream import close_all
from .session import Budget

__all__ = ["Answer", "Script", "context", "invoke"]


def context(**changes: Any) -> Context:
    """The context of some session's first turn, with these fields changed."""
    first = Context(
        session_id="00000000-0000-0000-0000-000000000001",
        request_id="00000000-0000-0000-0000-000000000002",
        turn=1,
        agent_name="agent",
        agent_version="1",
        endpoint="DEFAULT",
        tenant_id="000000000000",
        content_type="application/json",
    )
    return dataclasses.replace(first, **changes)


@dataclass
class Answer:
    """What a caller gets."""

    data: bytes
    content_type: str

    @property
    def value(self) -> Any:
        """The JSON value."""
        return _json.loads(self.data)

    @property
    def events(self) -> list[Any]:
        """The JSON values of the events of a stream."""
        frames = self.data.decode().split("\n\n")
        return [_json.loads(frame.removeprefix("data: ")) for frame in frames if frame]


class Script:
    """Stands for the host: a model that gives prepared answers, one for each request, and a record of all else.

    As a context manager it is there for the code inside.
    """

    def __init__(self, config: dict[str, str] | None = None, budget: Budget | None = None) -> None:
        self.requests: list[Request] = []
        """The requests that have come so far."""
        self.logged: list[tuple[str, str]] = []
        """Levels and messages."""
        self.sent = b""
        self.content_type: str | None = None
        self._config = config or {}
        self._budget = budget or Budget(None, None)
        self._answers: list[Response | Error] = []
        self._calls = 0
        self._before: list[_host.Host] = []

    def says(self, text: str) -> "Script":
        """Then it says this."""
        return self.answers(_response([Text(text)], "end_turn"))

    def calls(self, tool: str, /, **arguments: Any) -> "Script":
        """Then it calls this tool."""
        self._calls += 1
        return self.answers(_response([ToolUse(f"call-{self._calls}", tool, arguments)], "tool_use"))

    def answers(self, response: Response) -> "Script":
        """Then it answers with this, whatever it is."""
        self._answers.append(response)
        return self

    def fails(self, error: Error) -> "Script":
        """Then it fails."""
        self._answers.append(error)
        return self

    def __enter__(self) -> "Script":
        self._before.append(_host.swap(self))
        return self

    def __exit__(self, *_: object) -> None:
        _host.swap(self._before.pop())

    def log(self, level: str, message: str) -> None:
        """As the host does."""
        self.logged.append((level, message))

    def config(self, name: str) -> str | None:
        """As the host does."""
        return self._config.get(name)

    def remaining(self) -> Budget:
        """As the host does."""
        return self._budget

    def set_content_type(self, value: str) -> None:
        """As the host does."""
        self.content_type = value

    def write(self, chunk: bytes) -> bool:
        """As the host does."""
        self.sent += chunk
        return True

    def converse(self, request: Request) -> Response:
        """The next answer."""
        self.requests.append(copy.deepcopy(request))
        answer = self._answers.pop(0) if self._answers else Error("unavailable", "the script has no more answers")
        if isinstance(answer, Error):
            raise answer
        return answer

    def converse_stream(self, request: Request) -> "_Stream":
        """The next answer, word by word."""
        return _Stream(self, self.converse(request))

    def count_tokens(self, request: Request) -> int:
        """A token is four characters."""
        return sum(len(message.text) for message in request.messages) // 4

    def invoke_model(self, model: str, body: bytes) -> bytes:
        """There is no other API behind a script."""
        raise Error("invalid", f"a script cannot be invoked as {model}")


class _Stream:
    def __init__(self, script: Script, response: Response) -> None:
        self._script = script
        self._response = response
        self._events = self._all()
        self.closed = False

    def _all(self) -> Iterator[Event]:
        for word in re.findall(r"\S+\s*", self._response.text):
            yield TextDelta(word)
        yield Done(self._response)

    def next(self) -> Event | None:
        return next(self._events, None)

    def forward(self, framing: str) -> Response:
        text = self._response.text
        self._script.write(f"data: {json.dumps(text)}\n\n".encode() if framing == "sse" else text.encode())
        return self._response

    def close(self) -> None:
        self.closed = True


def invoke(app: App, payload: Any, context_: Context | None = None, *, script: Script | None = None) -> Answer:
    """One turn, as the host takes it: ``bytes`` as they are, anything else as JSON. Errors are raised."""
    if app.handler is None:
        raise ValueError("the app has no entrypoint")
    host = script or _host.current
    recorder = host if isinstance(host, Script) else Script()
    recorder.sent, recorder.content_type = b"", None
    data = payload if isinstance(payload, bytes) else _json.dumps(payload)
    with recorder:
        try:
            rest = Entry(app.handler).turn(data, context_ or context())
        finally:
            close_all()
    return Answer(recorder.sent + rest, recorder.content_type or "application/json")


def _response(content: list[Any], stop_reason: str) -> Response:
    return Response(content, stop_reason, Usage(10, 5), 0, "script")
