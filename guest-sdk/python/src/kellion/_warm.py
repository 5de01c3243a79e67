"""Turns of nobody's, taken while the component is built.

What the interpreter makes in a first turn - caches, code fitted to the types that it meets - is then there for every session,
in memory that all of them share.
"""

from collections.abc import Iterator
from typing import Any

from wit_world.imports import model as wit

from . import _host, _wit
from ._entry import Entry
from .agent import Agent
from .context import Context
from .model import Event, Request, Response
from .session import Budget
from .tools import tool

TURNS = 20
"""The interpreter fits code to its types after a handful of calls."""


def up(context: Context) -> None:
    """Takes the turns. Leaves nothing behind but what they have warmed."""

    @tool
    def look(where: str, often: int = 1) -> str:
        """Looks."""
        return where * often

    agent = Agent("none", system="none", tools=[look])

    def answers(payload: Any, context: Context) -> Any:
        return {"text": agent("?").text, "turn": context.turn}

    async def streams(payload: Any) -> Any:
        async for piece in agent.stream("?"):
            yield piece

    before = _host.swap(_Still())
    try:
        entries = Entry(answers), Entry(streams)
        for _ in range(TURNS):
            for entry in entries:
                agent.messages.clear()
                entry.turn(b'{"prompt": "?", "list": [1, 2.5, null, true, "\\u00e9"]}', context)
    finally:
        _host.swap(before)


_USAGE = wit.Usage(1, 1, 0, 0)


class _Still:
    """A host that says nothing and hears nothing. Its model calls a tool, and then answers."""

    def _answer(self, request: Request) -> Any:
        _wit.to_request(request)
        if len(request.messages) > 1:
            return wit.Response([wit.Content_Text("!")], wit.StopReason_EndTurn(), _USAGE, 0, "none", None)
        use = wit.ToolUse("1", "look", '{"where": "here", "often": 2}')
        return wit.Response([wit.Content_ToolUse(use)], wit.StopReason_ToolUse(), _USAGE, 0, "none", None)

    def converse(self, request: Request) -> Response:
        return _wit.from_response(self._answer(request))

    def converse_stream(self, request: Request) -> "_StillStream":
        return _StillStream(self._answer(request))

    def log(self, level: str, message: str) -> None:
        _wit.text(message)

    def config(self, name: str) -> str | None:
        return None

    def remaining(self) -> Budget:
        return Budget(None, None)

    def set_content_type(self, value: str) -> None:
        _wit.text(value)

    def write(self, chunk: bytes) -> bool:
        return True

    def count_tokens(self, request: Request) -> int:
        return 0

    def invoke_model(self, model: str, body: bytes) -> bytes:
        return body


class _StillStream:
    def __init__(self, response: Any) -> None:
        self._events: Iterator[Any] = iter(
            [
                wit.Event_BlockStart(wit.BlockStart_Text()),
                wit.Event_Delta(wit.Delta_Text("!")),
                wit.Event_BlockStop(),
                wit.Event_Done(response),
            ]
        )

    def next(self) -> Event | None:
        event = next(self._events, None)
        return None if event is None else _wit.from_event(event)

    def forward(self, framing: str) -> Response:
        raise NotImplementedError

    def close(self) -> None:
        pass
