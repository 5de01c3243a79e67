"""A fake of the modules that componentize-py makes from the contract: the same names, and functions that answer by script."""

import dataclasses
import enum
import sys
import types
from typing import Any

RECORDS = {
    "Media": "format bytes",
    "Document": "name format bytes context citations",
    "ToolUse": "id name input",
    "ToolResult": "tool_use_id content is_error",
    "Reasoning": "text signature",
    "Message": "role content",
    "Inference": "max_tokens temperature top_p stop_sequences",
    "Tool": "name description input_schema",
    "Guardrail": "id version",
    "Request": "model system messages inference tools tool_choice guardrail extra",
    "Usage": "input_tokens output_tokens cache_read_tokens cache_write_tokens",
    "Response": "content stop_reason usage latency_ms model extra",
    "Error": "kind message retry_after_ms usage",
    "ToolUseStart": "id name",
}
VARIANTS = {
    "ToolOutput": "Text Json Image Document Video",
    "Content": "Text Image Document Video Audio ToolUse ToolResult Reasoning RedactedReasoning CachePoint- Other",
    "ToolChoice": "Auto- Any- Tool",
    "StopReason": "EndTurn- ToolUse- MaxTokens- StopSequence- GuardrailIntervened- ContentFiltered- "
    "ContextWindowExceeded- Other",
    "BlockStart": "Text- Reasoning- ToolUse Other",
    "Delta": "Text Reasoning ReasoningSignature RedactedReasoning ToolInput Other",
    "Event": "BlockStart Delta BlockStop- Done",
    "AgentError": "InvalidPayload Failed",
}


@dataclasses.dataclass(frozen=True)
class Err(Exception):
    """As in componentize_py_types."""

    value: Any


class FakeHost:
    """What was asked of the host, and what it answers."""

    def __init__(self) -> None:
        self.logged: list[tuple[str, str]] = []
        self.sent: list[bytes] = []
        self.types: list[str] = []
        self.requests: list[Any] = []
        self.answers: list[Any] = []
        self.settings: dict[str, str] = {}
        self.closed = 0

    def answer(self, request: Any) -> Any:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def write(self, chunk: bytes) -> bool:
        self.sent.append(chunk)
        return True


class FakeStream:
    """A stream of prepared events."""

    def __init__(self, host: FakeHost, events: list[Any]) -> None:
        self.host, self.events = host, events

    def next(self) -> Any:
        event = self.events.pop(0) if self.events else None
        if isinstance(event, BaseException):
            raise event
        return event

    def __exit__(self, *_: object) -> None:
        self.host.closed += 1


def install() -> FakeHost:
    """Puts the fake where the SDK finds it."""
    host = FakeHost()
    model, log, response, session, kinds = (
        types.ModuleType(f"wit_world.imports.{name}") for name in ("model", "log", "response", "session", "types")
    )
    for name, fields in RECORDS.items():
        setattr(model, name, dataclasses.make_dataclass(name, fields.split()))
    for name, cases in VARIANTS.items():
        target = kinds if name == "AgentError" else model
        for case in cases.split():
            fields = [] if case.endswith("-") else ["value"]
            case = f"{name}_{case.removesuffix('-')}"
            setattr(target, case, dataclasses.make_dataclass(case, fields))
    model.Role = enum.Enum("Role", "USER ASSISTANT", start=0)
    model.ErrorKind = enum.Enum(
        "ErrorKind", "DENIED BUDGET_EXHAUSTED INVALID CONTEXT_TOO_LONG THROTTLED TIMEOUT UNAVAILABLE", start=0
    )
    model.converse = model.count_tokens = host.answer
    model.converse_stream = lambda request: FakeStream(host, host.answer(request))
    model.invoke_model = lambda name, body: host.answer((name, body))
    log.Level = enum.Enum("Level", "DEBUG INFO WARN ERROR", start=0)
    log.write = lambda level, message: host.logged.append((level.name, message.encode().decode()))
    response.Framing = enum.Enum("Framing", "TEXT SSE", start=0)
    response.set_content_type = lambda value: host.types.append(value)
    response.write = host.write
    response.forward = lambda stream, framing: host.answer((stream, framing))
    session.config = lambda name: host.settings.get(name)
    session.remaining = lambda: types.SimpleNamespace(tokens=7, money_micros=None)
    imports = types.ModuleType("wit_world.imports")
    imports.model, imports.log, imports.response, imports.session, imports.types = model, log, response, session, kinds
    world = types.ModuleType("wit_world")
    world.imports = imports
    world.WitWorld = type("WitWorld", (), {})
    shared = types.ModuleType("componentize_py_types")
    shared.Err = Err
    for module in (world, imports, model, log, response, session, kinds, shared):
        sys.modules[module.__name__] = module
    return host
