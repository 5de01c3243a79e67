"""From a payload's bytes to the author's function, and from what it gives to the answer's bytes."""

import inspect
import typing
from collections.abc import Callable, Iterable
from typing import Any

from . import _decode, _json, loop, response
from .agent import ReplyStream
from .body import Body
from .context import Context
from .errors import InvalidPayload


class Entry:
    """An author's function, looked at once."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        parameters = list(inspect.signature(function).parameters.values())
        positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
        rest = any(each.kind is each.VAR_POSITIONAL for each in parameters)
        self._positional = 2 if rest else min(len(positional), 2)
        self._by_name = self._positional < 2 and any(
            each.name == "context" and each.kind is each.KEYWORD_ONLY for each in parameters
        )
        self._hint: Any = Any
        if positional:
            try:
                self._hint = typing.get_type_hints(function, include_extras=True).get(positional[0].name, Any)
            except Exception:
                # Annotations that cannot be read, such as names for type checkers only, ask for nothing.
                self._hint = Any

    def turn(self, payload: bytes, context: Context) -> bytes:
        """One turn. Streams on the way if the function does."""
        response._begin()
        arguments = (self._payload(payload, context.content_type), context)[: self._positional]
        named = {"context": context} if self._by_name else {}
        result: Any = self.function(*arguments, **named)
        if inspect.isawaitable(result):
            result = loop.run(_whole(result))
        if inspect.isasyncgen(result):
            return _stream(loop.iterate(result))
        if inspect.isgenerator(result) or isinstance(result, ReplyStream):
            return _stream(result)
        return answer(result)

    def _payload(self, data: bytes, content_type: str | None) -> Any:
        if self._hint is bytes:
            return data
        if self._hint is Any and not is_json(content_type):
            return data
        try:
            value = _json.loads(data)
        except ValueError as error:
            raise InvalidPayload(f"payload is not JSON: {error}") from None
        try:
            return _decode.decode(self._hint, value)
        except _decode.Misfit as misfit:
            raise InvalidPayload(f"payload does not fit: {misfit}") from None


def is_json(content_type: str | None) -> bool:
    """Whether a content type says JSON, or nothing."""
    kind = (content_type or "").split(";")[0].strip().lower()
    return kind in ("", "application/json", "text/json") or kind.endswith("+json")


def answer(result: Any) -> bytes:
    """What a turn returns, as bytes."""
    if isinstance(result, Body):
        if result.content_type is not None:
            response.set_content_type(result.content_type)
        result = result.data
    if isinstance(result, bytes | bytearray | memoryview):
        response._is_bytes()
        return bytes(result)
    return _json.dumps(result)


async def _whole(awaitable: Any) -> Any:
    return await awaitable


def _stream(items: Iterable[Any]) -> bytes:
    """Sends each item as one event. A caller who has gone changes nothing: another may come for the same answer."""
    response.set_content_type(response.EVENT_STREAM)
    for item in items:
        response.send(item)
    return b""
