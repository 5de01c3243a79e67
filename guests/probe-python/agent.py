"""An agent that does one thing on request, for the host's tests: ``{"do": "echo", "value": 1}``."""

import dataclasses
import logging
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

import faults
import models
from wants import Payload

from kellion import App, Body, Context, InvalidPayload, log, response, session

app = App()
turns = 0


@app.entrypoint
def invoke(payload: Any, context: Context) -> Any:
    """One turn: what is not JSON is sent back as it is."""
    global turns
    turns += 1
    if isinstance(payload, bytes):
        return Body(payload, context.content_type)
    wanted = Payload(payload)
    deed = DEEDS.get(wanted.text("do"))
    if deed is None:
        raise InvalidPayload(f"there is no deed {wanted.text('do')!r}")
    return deed(wanted, context)


def stream(wanted: Payload, _: Context) -> Iterator[int]:
    """Streams the numbers from 1 to ``n``, then fails if there is a ``message``."""
    n, message = wanted.number("n"), wanted.maybe("message")

    def numbers() -> Iterator[int]:
        yield from range(1, n + 1)
        if message is not None:
            raise RuntimeError(message)

    return numbers()


def raw(wanted: Payload, _: Context) -> bytes:
    """Writes plain text, the chunks at once and the rest as the turn's answer."""
    chunks, rest = wanted.any("chunks"), wanted.text("rest")
    response.set_content_type("text/plain")
    for chunk in chunks:
        response.write(chunk.encode())
    return rest.encode()


def prints(wanted: Payload, _: Context) -> str:
    """Says the message in every way."""
    message = wanted.text("message")
    print(message)
    print(message, file=sys.stderr)
    log.debug(message)
    log.info(message)
    log.warn(message)
    log.error(message)
    logging.getLogger("probe").info(message)
    return message


def sleep(wanted: Payload, _: Context) -> dict[str, int]:
    """Waits."""
    ms = wanted.number("ms")
    time.sleep(ms / 1000)
    return {"slept_ms": ms}


DEEDS = {
    "echo": lambda wanted, _: wanted.any("value"),
    "count": lambda *_: turns,
    "context": lambda _, context: dataclasses.asdict(context),
    "config": lambda wanted, _: session.config(wanted.text("name")),
    "remaining": lambda *_: session.remaining(),
    "stream": stream,
    "raw": raw,
    "large": lambda wanted, _: b"x" * wanted.number("bytes"),
    "print": prints,
    "model": models.ask,
    "model-stream": models.stream,
    "model-hold": models.hold,
    "agent": models.agent,
    "fail": faults.fail,
    "panic": faults.panic,
    "trap": faults.trap,
    "spin": faults.spin,
    "recurse": faults.recurse,
    "keep": faults.keep,
    "clock": lambda *_: {"now_ms": time.time_ns() // 1_000_000},
    "random": lambda *_: random.randbytes(16).hex(),
    "sleep": sleep,
}
