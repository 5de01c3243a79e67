import asyncio
from types import SimpleNamespace

import pytest
from kellion_agentcore import asgi

from kellion import _host, _wit

CONTEXT = SimpleNamespace(
    headers=[SimpleNamespace(name="X-Amzn-Bedrock-AgentCore-Runtime-Custom-A", value="ü")],
    session_id="s" * 33,
    request_id="r",
    user_id=None,
    content_type=None,
    accept=None,
    traceparent=None,
)


@pytest.fixture(autouse=True)
def in_a_cell(host):
    before = _host.swap(_wit.Host())
    yield
    _host.swap(before)


def call(*messages):
    async def app(scope, receive, send):
        app.scope, app.body = scope, (await receive())["body"]
        for message in messages:
            await send(message)

    answer = asyncio.run(asgi.call(app, b"{}", CONTEXT))
    return app, answer


def start(status=200, content_type=b"application/json"):
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type)]}


def body(data, more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_a_turn_is_a_request_with_its_session_and_headers(host):
    app, answer = call(start(), body(b'"a"'))
    headers = dict(app.scope["headers"])
    assert headers[b"x-amzn-bedrock-agentcore-runtime-session-id"] == b"s" * 33
    assert headers[b"x-amzn-bedrock-agentcore-runtime-custom-a"] == "ü".encode()
    assert headers[b"content-type"] == b"application/json"
    assert app.body == b"{}"
    assert (answer.failed, answer.body, host.sent) == (False, b'"a"', [])


def test_a_stream_is_sent_as_it_comes(host):
    _, answer = call(start(content_type=b"text/event-stream"), body(b"data: 1\n\n", True), body(b"", False))
    assert host.types == ["text/event-stream"]
    assert (host.sent, answer.body) == ([b"data: 1\n\n"], b"")


def test_a_failure_tells_why(host):
    for status, said, reason in [
        (500, b'{"error": "broken"}', "broken"),
        (400, b'{"error": "Invalid JSON", "details": "line 1"}', "Invalid JSON: line 1"),
        (422, b'{"detail": "no prompt"}', "no prompt"),
        (500, b"Internal Server Error", "Internal Server Error"),
        (500, b"", "the agent answered with status 500"),
        (500, b'{"error": ""}', "the agent failed without a message (status 500); its log has more"),
    ]:
        _, answer = call(start(status), body(said))
        assert answer.failed
        assert answer.reason() == reason
    assert host.sent == []
