"""A turn that is played while the component is built, so that sessions do not each begin by learning the same.

What packages import, compile and cache when they are first used is then in the component, shared by all sessions. The
agent's own objects take no part in it. A rehearsal that fails changes nothing but the speed of first turns.
"""

import asyncio
import logging
import sys
from types import SimpleNamespace

from kellion import _host, _warm, loop
from wit_world.imports import model

from . import asgi
from .bedrock import client

TURNS = 20
"""The interpreter fits code to its types after a handful of calls, and writes into it until it has."""

_CONTEXT = SimpleNamespace(
    headers=[],
    session_id="rehearsal-" * 4,
    request_id="rehearsal",
    user_id=None,
    content_type="application/json",
    accept=None,
    traceparent=None,
)


def rehearse() -> None:
    """Plays what the loaded packages will be asked for."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    before, asked = _host.swap(_warm._Still()), client.model
    client.model = _Model()
    failed = None
    try:
        _play()
    except Exception as error:
        failed = error
    finally:
        client.model = asked
        _host.swap(before)
        logging.disable(level)
    if failed is not None:
        print(f"first turns will be slower than they could be: the rehearsal failed with {type(failed).__name__}: {failed}")


def _play() -> None:
    from bedrock_agentcore.runtime import BedrockAgentCoreApp

    plain, streaming = BedrockAgentCoreApp(), BedrockAgentCoreApp()
    agent = _agent()

    def invoke(payload, context):
        print("rehearsal", context.session_id)
        if agent is None:
            return payload
        agent.messages.clear()
        return agent(payload["prompt"]).message["content"][0]["text"]

    async def stream(payload, context):
        if agent is None:
            yield payload
            return
        agent.messages.clear()
        async for event in agent.stream_async(payload["prompt"]):
            if "data" in event:
                yield event["data"]

    plain.entrypoint(invoke)
    streaming.entrypoint(stream)
    for _ in range(TURNS):
        for application in (plain, streaming):
            loop.run(asgi.call(application, b'{"prompt": "rehearsal", "user_id": 1}', _CONTEXT))
        # What was cancelled or is waiting to be cleaned up.
        loop.run(asyncio.sleep(0))


class _Model:
    """The server's models: one that calls the first tool that it is offered, and then says one word."""

    def __getattr__(self, name):
        return getattr(model, name)

    def converse(self, request):
        return _answer(request)

    def converse_stream(self, request):
        return _Stream(_answer(request))


def _answer(request):
    usage = model.Usage(1, 1, 0, 0)
    if len(request.messages) > 1 or not request.tools:
        return model.Response([model.Content_Text("ready")], model.StopReason_EndTurn(), usage, 0, "none", None)
    tool = request.tools[0].name
    given = '{"expression": "2 * (3 + 4)"}' if tool == "calculator" else '{"text": "a"}'
    use = model.ToolUse("rehearsal", tool, given)
    return model.Response([model.Content_ToolUse(use)], model.StopReason_ToolUse(), usage, 0, "none", None)


class _Stream:
    def __init__(self, answer):
        events = []
        for content in answer.content:
            if isinstance(content, model.Content_ToolUse):
                events.append(model.Event_BlockStart(model.BlockStart_ToolUse(model.ToolUseStart("rehearsal", content.value.name))))
                events.append(model.Event_Delta(model.Delta_ToolInput(content.value.input)))
            else:
                events.append(model.Event_BlockStart(model.BlockStart_Text()))
                events += [model.Event_Delta(model.Delta_Text(letter)) for letter in content.value]
            events.append(model.Event_BlockStop())
        self._events = iter([*events, model.Event_Done(answer)])

    def next(self):
        return next(self._events, None)

    def __exit__(self, *_):
        pass


def _agent():
    """A Strands agent with the calculator, if that is loaded, and a tool of its own."""
    if "strands" not in sys.modules:
        return None
    from strands import Agent, tool
    from strands.models import BedrockModel

    @tool
    def rehearsal(text: str) -> str:
        """Says a text."""
        return text

    calculator = sys.modules.get("strands_tools.calculator")
    tools = [rehearsal] if calculator is None else [calculator, rehearsal]
    return Agent(model=BedrockModel(model_id="rehearsal"), tools=tools)
