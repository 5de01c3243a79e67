"""The host by the bindings that are made from the contract, and the conversions between its types and the SDK's."""

from typing import Any

from componentize_py_types import Err
from wit_world.imports import log as wit_log
from wit_world.imports import model as wit
from wit_world.imports import response as wit_response
from wit_world.imports import session as wit_session

from . import _json
from .model import (
    Audio,
    BlockStart,
    BlockStop,
    CachePoint,
    Content,
    Document,
    Done,
    Error,
    Event,
    Image,
    Json,
    Message,
    OneTool,
    Other,
    OtherDelta,
    Reasoning,
    ReasoningDelta,
    RedactedReasoning,
    RedactedReasoningDelta,
    Request,
    Response,
    SignatureDelta,
    Text,
    TextDelta,
    ToolInputDelta,
    ToolOutput,
    ToolResult,
    ToolSpec,
    ToolUse,
    Usage,
    Video,
)
from .session import Budget

_LEVELS = {level.name.lower(): level for level in wit_log.Level}


class Host:
    """The host of a cell."""

    def log(self, level: str, message: str) -> None:
        wit_log.write(_LEVELS[level], text(message))

    def config(self, name: str) -> str | None:
        value: str | None = wit_session.config(text(name))
        return value

    def remaining(self) -> Budget:
        budget = wit_session.remaining()
        return Budget(budget.tokens, budget.money_micros)

    def set_content_type(self, value: str) -> None:
        wit_response.set_content_type(text(value))

    def write(self, chunk: bytes) -> bool:
        return bool(wit_response.write(chunk))

    def converse(self, request: Request) -> Response:
        try:
            return from_response(wit.converse(to_request(request)))
        except Err as error:
            raise from_error(error.value) from None

    def converse_stream(self, request: Request) -> "Stream":
        try:
            return Stream(wit.converse_stream(to_request(request)))
        except Err as error:
            raise from_error(error.value) from None

    def count_tokens(self, request: Request) -> int:
        try:
            return int(wit.count_tokens(to_request(request)))
        except Err as error:
            raise from_error(error.value) from None

    def invoke_model(self, model: str, body: bytes) -> bytes:
        try:
            return bytes(wit.invoke_model(text(model), body))
        except Err as error:
            raise from_error(error.value) from None


class Stream:
    """A stream's handle."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def next(self) -> Event | None:
        try:
            event = self._handle.next()
        except Err as error:
            raise from_error(error.value) from None
        return None if event is None else from_event(event)

    def forward(self, framing: str) -> Response:
        try:
            return from_response(wit_response.forward(self._handle, wit_response.Framing[framing.upper()]))
        except Err as error:
            raise from_error(error.value) from None

    def close(self) -> None:
        self._handle.__exit__(None, None, None)


def text(value: str) -> str:
    """A string as the host takes it: halves of surrogate pairs, which are no Unicode, would end the instance."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace").decode()
    return value


def to_request(request: Request) -> Any:
    """A request in the contract's types."""
    inference = wit.Inference(
        request.max_tokens,
        request.temperature,
        request.top_p,
        [text(each) for each in request.stop_sequences],
    )
    guardrail = request.guardrail
    return wit.Request(
        text(request.model),
        [to_content(block) for block in request.system],
        [to_message(message) for message in request.messages],
        inference,
        [to_tool(tool) for tool in request.tools],
        _to_choice(request.tool_choice),
        None if guardrail is None else wit.Guardrail(text(guardrail.id), text(guardrail.version)),
        None if request.extra is None else _to_json(request.extra),
    )


def to_message(message: Message) -> Any:
    """A message in the contract's types."""
    return wit.Message(wit.Role[message.role.upper()], [to_content(block) for block in message.content])


def to_tool(tool: ToolSpec) -> Any:
    """A tool's declaration in the contract's types."""
    description = None if tool.description is None else text(tool.description)
    return wit.Tool(text(tool.name), description, _to_json(tool.input_schema))


def to_content(block: Content) -> Any:
    """A content block in the contract's types."""
    match block:
        case Text():
            return wit.Content_Text(text(block.text))
        case Image():
            return wit.Content_Image(_to_media(block))
        case Document():
            return wit.Content_Document(_to_document(block))
        case Video():
            return wit.Content_Video(_to_media(block))
        case Audio():
            return wit.Content_Audio(_to_media(block))
        case ToolUse():
            return wit.Content_ToolUse(wit.ToolUse(text(block.id), text(block.name), _to_json(block.input)))
        case ToolResult():
            content = [_to_output(output) for output in block.content]
            return wit.Content_ToolResult(wit.ToolResult(text(block.tool_use_id), content, block.is_error))
        case Reasoning():
            signature = None if block.signature is None else text(block.signature)
            return wit.Content_Reasoning(wit.Reasoning(text(block.text), signature))
        case RedactedReasoning():
            return wit.Content_RedactedReasoning(block.data)
        case CachePoint():
            return wit.Content_CachePoint()
        case Other():
            return wit.Content_Other(_to_json(block.value))
    raise TypeError(f"a message cannot hold a {type(block).__name__}")


def _to_output(output: ToolOutput) -> Any:
    match output:
        case Text():
            return wit.ToolOutput_Text(text(output.text))
        case Json():
            return wit.ToolOutput_Json(_to_json(output.value))
        case Image():
            return wit.ToolOutput_Image(_to_media(output))
        case Document():
            return wit.ToolOutput_Document(_to_document(output))
        case Video():
            return wit.ToolOutput_Video(_to_media(output))
    raise TypeError(f"a tool's result cannot hold a {type(output).__name__}")


def _to_media(media: Image | Video | Audio) -> Any:
    return wit.Media(text(media.format), bytes(media.data))


def _to_document(document: Document) -> Any:
    context = None if document.context is None else text(document.context)
    return wit.Document(
        text(document.name), text(document.format), bytes(document.data), context, document.citations
    )


def _to_choice(choice: object) -> Any:
    match choice:
        case None:
            return None
        case "auto":
            return wit.ToolChoice_Auto()
        case "any":
            return wit.ToolChoice_Any()
        case OneTool():
            return wit.ToolChoice_Tool(text(choice.name))
    raise TypeError(f"no tool choice: {choice!r}")


def _to_json(value: Any) -> str:
    return _json.dumps(value).decode()


def from_response(response: Any) -> Response:
    """A response in the SDK's types."""
    return Response(
        [from_content(block) for block in response.content],
        _from_stop_reason(response.stop_reason),
        from_usage(response.usage),
        response.latency_ms,
        response.model,
        None if response.extra is None else _from_json(response.extra),
    )


def from_content(block: Any) -> Content:
    """A content block in the SDK's types."""
    match block:
        case wit.Content_Text():
            return Text(block.value)
        case wit.Content_Image():
            return Image(block.value.format, block.value.bytes)
        case wit.Content_Document():
            document = block.value
            return Document(document.name, document.format, document.bytes, document.context, document.citations)
        case wit.Content_Video():
            return Video(block.value.format, block.value.bytes)
        case wit.Content_Audio():
            return Audio(block.value.format, block.value.bytes)
        case wit.Content_ToolUse():
            use = block.value
            # A tool without input may be called without a piece of it.
            return ToolUse(use.id, use.name, _from_json(use.input) if use.input.strip() else {})
        case wit.Content_ToolResult():
            result = block.value
            return ToolResult(result.tool_use_id, [_from_output(each) for each in result.content], result.is_error)
        case wit.Content_Reasoning():
            return Reasoning(block.value.text, block.value.signature)
        case wit.Content_RedactedReasoning():
            return RedactedReasoning(block.value)
        case wit.Content_CachePoint():
            return CachePoint()
    return Other(_from_json(block.value))


def _from_output(output: Any) -> ToolOutput:
    match output:
        case wit.ToolOutput_Text():
            return Text(output.value)
        case wit.ToolOutput_Json():
            return Json(_from_json(output.value))
        case wit.ToolOutput_Image():
            return Image(output.value.format, output.value.bytes)
        case wit.ToolOutput_Video():
            return Video(output.value.format, output.value.bytes)
    document = output.value
    return Document(document.name, document.format, document.bytes, document.context, document.citations)


def from_event(event: Any) -> Event:
    """A piece of a response in the SDK's types."""
    match event:
        case wit.Event_Done():
            return Done(from_response(event.value))
        case wit.Event_BlockStop():
            return BlockStop()
        case wit.Event_BlockStart():
            return _from_start(event.value)
    delta = event.value
    match delta:
        case wit.Delta_Text():
            return TextDelta(delta.value)
        case wit.Delta_Reasoning():
            return ReasoningDelta(delta.value)
        case wit.Delta_ReasoningSignature():
            return SignatureDelta(delta.value)
        case wit.Delta_RedactedReasoning():
            return RedactedReasoningDelta(delta.value)
        case wit.Delta_ToolInput():
            return ToolInputDelta(delta.value)
    return OtherDelta(_from_json(delta.value))


def _from_start(start: Any) -> BlockStart:
    match start:
        case wit.BlockStart_Text():
            return BlockStart("text")
        case wit.BlockStart_Reasoning():
            return BlockStart("reasoning")
        case wit.BlockStart_ToolUse():
            return BlockStart("tool_use", start.value.id, start.value.name)
    return BlockStart("other", value=_from_json(start.value))


_STOP_REASONS = {
    wit.StopReason_EndTurn: "end_turn",
    wit.StopReason_ToolUse: "tool_use",
    wit.StopReason_MaxTokens: "max_tokens",
    wit.StopReason_StopSequence: "stop_sequence",
    wit.StopReason_GuardrailIntervened: "guardrail_intervened",
    wit.StopReason_ContentFiltered: "content_filtered",
    wit.StopReason_ContextWindowExceeded: "context_window_exceeded",
}


def _from_stop_reason(reason: Any) -> str:
    return _STOP_REASONS.get(type(reason)) or str(reason.value)


def from_usage(usage: Any) -> Usage:
    """What was billed, in the SDK's type."""
    return Usage(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)


def from_error(error: Any) -> Error:
    """A failed call, as an exception."""
    return Error(
        error.kind.name.lower(),
        error.message,
        None if error.retry_after_ms is None else error.retry_after_ms / 1000,
        None if error.usage is None else from_usage(error.usage),
    )


def _from_json(value: str) -> Any:
    try:
        return _json.loads(value)
    except ValueError:
        # A model wrote it. Whoever reads it sees that it is no object, and says so.
        return value
