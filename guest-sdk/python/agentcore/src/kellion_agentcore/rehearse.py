"""A turn that is played while the component is built, so that sessions do not each begin by learning the same.

What packages import, compile and cache when they are first used is then in the component, shared by all sessions. The
agent's own objects take no part in it. A rehearsal that fails changes nothing but the speed of first turns.
"""

import contextlib
import logging
import sys
from types import SimpleNamespace

from kellion import loop

from . import asgi

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
    try:
        for play in (_application, _agent, _calculator):
            with contextlib.suppress(Exception):
                play()
    finally:
        logging.disable(level)


def _application() -> None:
    from bedrock_agentcore.runtime import BedrockAgentCoreApp

    application = BedrockAgentCoreApp()

    async def invoke(payload, context):
        return payload

    application.entrypoint(invoke)
    loop.run(asgi.call(application, b"{}", _CONTEXT))
    application.entrypoint(lambda payload: payload)
    loop.run(asgi.call(application, b"{}", _CONTEXT))


class _Client:
    """A model that calls the one tool it is offered, and then says one word."""

    def __init__(self, client):
        self.meta = client.meta
        self.exceptions = client.exceptions

    def converse_stream(self, messages=(), **_):
        if "toolResult" in messages[-1]["content"][0]:
            start, delta, reason = {}, {"text": "ready"}, "end_turn"
        else:
            start = {"toolUse": {"toolUseId": "rehearsal", "name": "rehearsal"}}
            delta, reason = {"toolUse": {"input": '{"text": "a"}'}}, "tool_use"
        usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
        events = [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockStart": {"start": start, "contentBlockIndex": 0}},
            {"contentBlockDelta": {"delta": delta, "contentBlockIndex": 0}},
            {"contentBlockStop": {"contentBlockIndex": 0}},
            {"messageStop": {"stopReason": reason}},
            {"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}},
        ]
        return {"stream": iter(events)}


def _agent() -> None:
    if "strands" not in sys.modules:
        return
    from strands import Agent, tool
    from strands.models import BedrockModel

    @tool
    def rehearsal(text: str) -> str:
        """Says a text."""
        return text

    model = BedrockModel(model_id="rehearsal")
    model.client = _Client(model.client)
    Agent(model=model, tools=[rehearsal], callback_handler=None)("rehearsal")


def _calculator() -> None:
    module = sys.modules.get("strands_tools.calculator")
    if module is not None:
        import io
        from contextlib import redirect_stdout

        with redirect_stdout(io.StringIO()):
            module.calculator(expression="2 * (3 + 4)")
