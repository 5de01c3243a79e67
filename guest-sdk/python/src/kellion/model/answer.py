"""What a model answers."""

from dataclasses import dataclass, field
from typing import Any

from .content import Content, ToolUse, text_of

StopReason = str
""""end_turn", "tool_use", "max_tokens", "stop_sequence", "guardrail_intervened", "content_filtered",
"context_window_exceeded", or the provider's own word."""


@dataclass
class Usage:
    """What was billed. Adds up."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, more: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + more.input_tokens,
            self.output_tokens + more.output_tokens,
            self.cache_read_tokens + more.cache_read_tokens,
            self.cache_write_tokens + more.cache_write_tokens,
        )


@dataclass
class Response:
    """A model's answer, whole."""

    content: list[Content]
    stop_reason: StopReason = "end_turn"
    usage: Usage = field(default_factory=Usage)
    latency_ms: int = 0
    """By the provider's count."""
    model: str = ""
    """The model that answered, after aliases and fallbacks."""
    extra: Any = None

    @property
    def text(self) -> str:
        """The text of all text blocks, in order."""
        return text_of(self.content)

    @property
    def tool_uses(self) -> list[ToolUse]:
        """The tools that the model asks for, in order."""
        return [block for block in self.content if isinstance(block, ToolUse)]
