"""Models, reached through the host: the agent holds no key, and every call is checked against its grant and its budget.

The meaning is that of the Bedrock Converse API. ::

    from kellion import model

    response = model.converse(model.Request("us.amazon.nova-lite-v1:0", [model.user("Why is the sky blue?")]))
    print(response.text, response.usage.output_tokens)

    with model.converse_stream(request) as stream:
        for piece in stream.text():
            print(piece, end="")

An :class:`kellion.Agent` does this and runs tools besides.
"""

from .. import _host
from .content import (
    Audio,
    CachePoint,
    Content,
    Document,
    Image,
    Json,
    Message,
    Other,
    Reasoning,
    RedactedReasoning,
    Role,
    Text,
    ToolOutput,
    ToolResult,
    ToolUse,
    Video,
    assistant,
    user,
)
from .error import Error, ErrorKind
from .request import Guardrail, OneTool, Request, ToolChoice, ToolSpec
from .stream import (
    BlockStart,
    BlockStop,
    Done,
    Event,
    OtherDelta,
    ReasoningDelta,
    RedactedReasoningDelta,
    ResponseStream,
    SignatureDelta,
    TextDelta,
    ToolInputDelta,
)
from .answer import Response, StopReason, Usage

__all__ = [
    "Audio",
    "BlockStart",
    "BlockStop",
    "CachePoint",
    "Content",
    "Document",
    "Done",
    "Error",
    "ErrorKind",
    "Event",
    "Guardrail",
    "Image",
    "Json",
    "Message",
    "OneTool",
    "Other",
    "OtherDelta",
    "Reasoning",
    "ReasoningDelta",
    "RedactedReasoning",
    "RedactedReasoningDelta",
    "Request",
    "Response",
    "ResponseStream",
    "Role",
    "SignatureDelta",
    "StopReason",
    "Text",
    "TextDelta",
    "ToolChoice",
    "ToolInputDelta",
    "ToolOutput",
    "ToolResult",
    "ToolSpec",
    "ToolUse",
    "Usage",
    "Video",
    "assistant",
    "converse",
    "converse_stream",
    "count_tokens",
    "invoke_model",
    "user",
]


def converse(request: Request) -> Response:
    """One answer, whole. Waits for the provider; the :class:`Error`'s kind says whether to try again."""
    return _host.current.converse(request)


def converse_stream(request: Request) -> ResponseStream:
    """One answer, as it is made. An :class:`Error` here means that nothing was said; later ones come from the stream."""
    return ResponseStream(_host.current.converse_stream(request))


def count_tokens(request: Request) -> int:
    """The input tokens that a request would cost."""
    return _host.current.count_tokens(request)


def invoke_model(model: str, body: bytes) -> bytes:
    """A model's own API, for what Converse does not cover, such as embeddings. Needs a grant of its own."""
    return _host.current.invoke_model(model, body)
