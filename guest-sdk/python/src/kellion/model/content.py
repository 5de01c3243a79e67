"""Messages and what they are made of."""

from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["user", "assistant"]


@dataclass
class Text:
    """A text."""

    text: str


@dataclass
class Image:
    """A picture."""

    format: str
    """"png", "jpeg", "gif", "webp"."""
    data: bytes


@dataclass
class Video:
    """A film."""

    format: str
    data: bytes


@dataclass
class Audio:
    """A recording."""

    format: str
    data: bytes


@dataclass
class Document:
    """A file with text in it."""

    name: str
    format: str
    """"pdf", "csv", "md"…"""
    data: bytes
    context: str | None = None
    """Told to the model beside the document."""
    citations: bool = False


@dataclass
class Json:
    """A tool's output that is an object."""

    value: Any


@dataclass
class ToolUse:
    """A model's call of a tool."""

    id: str
    name: str
    input: Any
    """What the model wrote, usually an object; a string when it wrote no JSON."""


ToolOutput = Text | Json | Image | Document | Video


@dataclass
class ToolResult:
    """What a tool gave."""

    tool_use_id: str
    content: list[ToolOutput]
    is_error: bool = False


@dataclass
class Reasoning:
    """A model's thoughts."""

    text: str
    signature: str | None = None
    """Opaque; goes back unchanged with the next request."""


@dataclass
class RedactedReasoning:
    """Encrypted thoughts; they go back unchanged."""

    data: bytes


@dataclass
class CachePoint:
    """Everything before it may be cached by the provider."""


@dataclass
class Other:
    """A block that has no type here, as the provider's JSON."""

    value: Any


Content = (
    Text
    | Image
    | Document
    | Video
    | Audio
    | ToolUse
    | ToolResult
    | Reasoning
    | RedactedReasoning
    | CachePoint
    | Other
)


@dataclass
class Message:
    """What one side says."""

    role: Role
    content: list[Content] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of all text blocks, in order."""
        return text_of(self.content)


def user(*content: str | Content) -> Message:
    """What the user says."""
    return Message("user", [as_content(block) for block in content])


def assistant(*content: str | Content) -> Message:
    """What the model said."""
    return Message("assistant", [as_content(block) for block in content])


def as_content(block: str | Content) -> Content:
    """A text may stand for its block."""
    return Text(block) if isinstance(block, str) else block


def text_of(content: list[Content]) -> str:
    """The text of all text blocks, in order."""
    return "".join(block.text for block in content if isinstance(block, Text))


# Providers refuse a message without content, and a text that is empty or blank; once in the conversation, it would fail
# every later turn.
_PLACEHOLDER = "(nothing)"


def storable(content: list[Content]) -> list[Content]:
    """A model's answer as it may go back with the next request."""
    kept = [block for block in content if not (isinstance(block, Text) and not block.text.strip())]
    return kept or [Text(_PLACEHOLDER)]


def or_placeholder(text: str) -> str:
    """A text as a provider takes it."""
    return text if text.strip() else _PLACEHOLDER
