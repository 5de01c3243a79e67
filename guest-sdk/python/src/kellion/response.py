"""The answer, as it is made. What the entrypoint returns comes after everything written here.

Most agents need none of this: an entrypoint that is a generator streams what it yields.
"""

from typing import Literal

from . import _host, _json
from .model import Response, ResponseStream

Framing = Literal["text", "sse"]

EVENT_STREAM = "text/event-stream"

__all__ = ["EVENT_STREAM", "Framing", "forward", "send", "set_content_type", "write"]


_is_typed = False
"""Whether this turn's answer has a type of its own."""


def set_content_type(value: str) -> None:
    """Says what the bytes are, before the first ``write``; otherwise ``application/json``."""
    global _is_typed
    _is_typed = True
    _host.current.set_content_type(value)


def _begin() -> None:
    """A new turn has no type yet."""
    global _is_typed
    _is_typed = False


def _is_bytes() -> None:
    """The answer is bytes, of whatever type the turn has said."""
    if not _is_typed:
        set_content_type("application/octet-stream")


def write(chunk: bytes) -> bool:
    """Sends a piece to the caller now. Waits while the caller is slow; true while the caller is still there."""
    return _host.current.write(bytes(chunk))


def send(item: object) -> bool:
    """Sends one server-sent event, ``data: <JSON>``; true while the caller is still there.

    The content type has to be ``text/event-stream``.
    """
    return write(b"data: " + _json.dumps(item) + b"\n\n")


def forward(stream: ResponseStream, framing: Framing = "text") -> Response:
    """Sends a model's text to the caller as it comes, without a trip through the agent, and returns the whole response.

    With ``sse``, each piece is one event that holds a JSON string.
    """
    return stream._forward(framing)
