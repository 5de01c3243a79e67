"""A response as it is made."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .answer import Response
from .error import Error

if TYPE_CHECKING:
    from .._host import HostStream


@dataclass
class BlockStart:
    """Opens a content block."""

    kind: Literal["text", "reasoning", "tool_use", "other"]
    id: str | None = None
    """Of a tool use."""
    name: str | None = None
    """The tool's."""
    value: Any = None
    """The provider's JSON, when the kind is other."""


@dataclass
class TextDelta:
    """A piece of text."""

    text: str


@dataclass
class ReasoningDelta:
    """A piece of the model's thoughts."""

    text: str


@dataclass
class SignatureDelta:
    """The signature of the thoughts before it."""

    signature: str


@dataclass
class RedactedReasoningDelta:
    """Encrypted thoughts."""

    data: bytes


@dataclass
class ToolInputDelta:
    """A piece of the JSON text of a tool's input."""

    json: str


@dataclass
class OtherDelta:
    """A piece that has no type here, as the provider's JSON."""

    value: Any


@dataclass
class BlockStop:
    """Closes a content block."""


@dataclass
class Done:
    """Comes last, and carries the response whole."""

    response: Response


Event = (
    BlockStart
    | TextDelta
    | ReasoningDelta
    | SignatureDelta
    | RedactedReasoningDelta
    | ToolInputDelta
    | OtherDelta
    | BlockStop
    | Done
)

_open: dict[int, "ResponseStream"] = {}
"""Streams that hold a handle at the host."""


class ResponseStream(Iterator[Event]):
    """The pieces of a response, in order. Closing it before its end cancels the call; so does the turn's end."""

    def __init__(self, events: "HostStream") -> None:
        self._events: HostStream | None = events
        self.response: Response | None = None
        """The whole, once the stream has come to its end."""
        _open[id(self)] = self

    def __iter__(self) -> "ResponseStream":
        return self

    def __next__(self) -> Event:
        if self._events is None:
            raise StopIteration
        try:
            event = self._events.next()
        except BaseException:
            self.close()
            raise
        if isinstance(event, Done):
            self.response = event.response
        if event is None or isinstance(event, Done):
            self.close()
        if event is None:
            raise StopIteration
        return event

    def text(self) -> Iterator[str]:
        """The pieces of text alone. Afterwards, ``response`` is the whole."""
        for event in self:
            if isinstance(event, TextDelta):
                yield event.text
        if self.response is None:
            raise Error("unavailable", "the stream ended before its response was whole")

    def close(self) -> None:
        """Ends the call, if it is not over."""
        _open.pop(id(self), None)
        events, self._events = self._events, None
        if events is not None:
            events.close()

    def _forward(self, framing: str) -> Response:
        if self._events is None:
            raise Error("invalid", "this stream is over")
        events, self._events = self._events, None
        _open.pop(id(self), None)
        self.response = events.forward(framing)
        return self.response

    def __enter__(self) -> "ResponseStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def close_all() -> int:
    """Closes what was left open, and says how many there were. An open handle would keep the session from resting."""
    streams = list(_open.values())
    for stream in streams:
        stream.close()
    return len(streams)
