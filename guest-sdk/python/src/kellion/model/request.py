"""What a model is asked."""

from dataclasses import dataclass, field
from typing import Any, Literal

from .content import CachePoint, Message, Text


@dataclass
class ToolSpec:
    """What a model is told about a tool."""

    name: str
    description: str | None
    input_schema: dict[str, Any]
    """A JSON schema of an object."""


@dataclass
class OneTool:
    """The model must use this tool."""

    name: str


ToolChoice = Literal["auto", "any"] | OneTool


@dataclass
class Guardrail:
    """A guardrail that the call is put under."""

    id: str
    version: str


@dataclass
class Request:
    """One question to one model."""

    model: str
    """A model id, an inference-profile id, or an alias that the operator has set."""
    messages: list[Message]
    system: list[Text | CachePoint] = field(default_factory=list)
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] = field(default_factory=list)
    tools: list[ToolSpec] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    guardrail: Guardrail | None = None
    extra: dict[str, Any] | None = None
    """Fields of the model itself (``additionalModelRequestFields``)."""
