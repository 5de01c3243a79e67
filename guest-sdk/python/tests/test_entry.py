import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from kellion import Agent, App, Body, Context, InvalidPayload, model, response
from kellion.testing import Script, context, invoke


def app_of(function: Any) -> App:
    app = App()
    app.entrypoint(function)
    return app


def test_json_goes_in_and_out():
    answer = invoke(app_of(lambda payload, context: {"got": payload, "turn": context.turn}), {"a": 1})
    assert answer.value == {"got": {"a": 1}, "turn": 1}
    assert answer.content_type == "application/json"


def test_the_context_is_optional():
    def by_name(payload: Any, *, context: Context) -> str:
        return context.session_id

    assert invoke(app_of(lambda payload: payload), 1).value == 1
    assert invoke(app_of(lambda: "nothing"), 1).value == "nothing"
    assert invoke(app_of(by_name), 1).value == context().session_id


def test_what_is_not_json_arrives_as_bytes_and_leaves_as_bytes():
    seen = context(content_type="application/octet-stream")
    answer = invoke(app_of(lambda payload: payload), b"\xff", seen)
    assert (answer.data, answer.content_type) == (b"\xff", "application/octet-stream")

    answer = invoke(app_of(lambda payload: Body(payload, "image/png")), b"\xff", seen)
    assert answer.content_type == "image/png"


def test_json_of_other_names_is_json():
    for kind in ("application/json; charset=utf-8", "application/vnd.x+json", None):
        assert invoke(app_of(lambda payload: payload), b"[1]", context(content_type=kind)).value == [1]


def test_bytes_keep_the_type_that_was_set():
    def entry(payload: Any) -> bytes:
        response.set_content_type("text/plain")
        response.write(b"a")
        return b"b"

    answer = invoke(app_of(entry), {})
    assert (answer.data, answer.content_type) == (b"ab", "text/plain")


@dataclass
class Question:
    prompt: str
    limit: int = 3


def test_a_typed_payload_is_read_or_refused():
    def entry(question: Question) -> str:
        return f"{question.prompt} {question.limit}"

    assert invoke(app_of(entry), {"prompt": "hi"}).value == "hi 3"
    with pytest.raises(InvalidPayload, match="payload does not fit: missing field `prompt`"):
        invoke(app_of(entry), {})
    with pytest.raises(InvalidPayload, match="payload does not fit: `limit`: expected a whole number, got 'x'"):
        invoke(app_of(entry), {"prompt": "hi", "limit": "x"})


@pytest.mark.parametrize("payload", [b"", b"[" * 5000, b"\xff", b"{"])
def test_a_hostile_payload_is_refused(payload):
    with pytest.raises(InvalidPayload, match="payload is not JSON"):
        invoke(app_of(lambda payload: payload), payload)


def test_all_kinds_of_functions_answer():
    async def coroutine(payload: Any) -> Any:
        await asyncio.sleep(0)
        return payload

    assert invoke(app_of(coroutine), 1).value == 1


def test_what_generators_yield_is_streamed():
    def plain(n: int) -> Any:
        yield from range(n)

    async def asynchronous(n: int) -> Any:
        for item in range(n):
            await asyncio.sleep(0)
            yield item

    async def later(n: int) -> Any:
        return plain(n)

    for function in (plain, asynchronous, later, lambda n: plain(n)):
        answer = invoke(app_of(function), 3)
        assert answer.events == [0, 1, 2]
        assert answer.content_type == "text/event-stream"


def test_an_agents_stream_is_streamed():
    agent = Agent("any")
    answer = invoke(app_of(lambda payload: agent.stream(payload)), "?", script=Script().says("a b"))
    assert answer.events == ["a ", "b"]


def test_an_error_behind_the_first_piece_fails_the_turn():
    def entry(payload: Any) -> Any:
        yield 1
        raise RuntimeError("oh")

    script = Script()
    with pytest.raises(RuntimeError, match="oh"):
        invoke(app_of(entry), {}, script=script)
    assert script.sent == b"data: 1\n\n"


def test_a_stream_that_was_forgotten_is_closed():
    held = []

    def entry(payload: Any) -> str:
        stream = model.converse_stream(model.Request("any", [model.user("?")]))
        next(stream)
        held.append(stream)
        return "held"

    invoke(app_of(entry), {}, script=Script().says("a b"))
    with pytest.raises(StopIteration):
        next(held[0])


def test_two_entrypoints_are_one_too_many():
    with pytest.raises(ValueError, match="has an entrypoint already, first: second"):
        app = App()

        @app.entrypoint
        def first() -> None: ...

        @app.entrypoint
        def second() -> None: ...
