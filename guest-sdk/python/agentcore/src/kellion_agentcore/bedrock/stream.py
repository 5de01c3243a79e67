"""An answer as it is made, in the events of ConverseStream."""

from componentize_py_types import Err
from wit_world.imports import model

from .. import inline
from .errors import client_error
from .response import extra, stop_reason, usage

# Streams that are open. The host's handle of one must not outlive the turn.
_open: set["EventStream"] = set()


def close_all() -> None:
    """Closes what an agent has left open, at the end of a turn."""
    for stream in list(_open):
        stream.close()


class EventStream:
    """The `stream` of an answer: iterated once, closed at its end or by `close`."""

    def __init__(self, source):
        self._source = source
        self._events = self._read()
        _open.add(self)

    def close(self) -> None:
        source, self._source = self._source, None
        _open.discard(self)
        if source is not None:
            source.__exit__(None, None, None)

    def __iter__(self):
        return self._events

    def __next__(self):
        return next(self._events)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        index = 0
        try:
            yield {"messageStart": {"role": "assistant"}}
            while self._source is not None:
                # Whoever waits for the pieces gets the last one before the next is awaited.
                inline.pump()
                if self._source is None:
                    return
                event = self._source.next()
                match event:
                    case None:
                        return
                    case model.Event_BlockStart(value=start):
                        yield from _start(start, index)
                    case model.Event_Delta(value=delta):
                        yield from _delta(delta, index)
                    case model.Event_BlockStop():
                        yield {"contentBlockStop": {"contentBlockIndex": index}}
                        index += 1
                    case model.Event_Done(value=answer):
                        yield {"messageStop": {"stopReason": stop_reason(answer.stop_reason), **extra(answer)}}
                        yield {"metadata": {"usage": usage(answer.usage), "metrics": {"latencyMs": answer.latency_ms}}}
        except Err as error:
            raise client_error(error.value, "ConverseStream") from None
        finally:
            self.close()


def _start(start, index: int):
    # Bedrock announces tool uses only.
    if isinstance(start, model.BlockStart_ToolUse):
        use = {"toolUseId": start.value.id, "name": start.value.name}
        yield {"contentBlockStart": {"start": {"toolUse": use}, "contentBlockIndex": index}}


def _delta(delta, index: int):
    match delta:
        case model.Delta_Text(value=text):
            piece = {"text": text}
        case model.Delta_ToolInput(value=text):
            piece = {"toolUse": {"input": text}}
        case model.Delta_Reasoning(value=text):
            piece = {"reasoningContent": {"text": text}}
        case model.Delta_ReasoningSignature(value=text):
            piece = {"reasoningContent": {"signature": text}}
        case model.Delta_RedactedReasoning(value=data):
            piece = {"reasoningContent": {"redactedContent": data}}
        case _:
            return
    yield {"contentBlockDelta": {"delta": piece, "contentBlockIndex": index}}
