"""One turn as an HTTP request to the agent's own application, without HTTP.

`BedrockAgentCoreApp` is an ASGI application. It is called as a server would call it, so its answers, its stream frames, its
errors and its middleware are its own.
"""

import json

from kellion import response

SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"
REQUEST = "x-amzn-bedrock-agentcore-runtime-request-id"
USER = "x-amzn-bedrock-agentcore-runtime-user-id"

JSON = "application/json"


class Answer:
    """What the application answered; pieces of a stream are with the caller already."""

    def __init__(self):
        self.status = 500
        self.content_type = JSON
        self.body = b""
        self.told = False

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message.get("headers", ()):
                if name.lower() == b"content-type":
                    self.content_type = value.decode("latin-1")
        elif message["type"] == "http.response.body":
            piece = message.get("body", b"")
            if self.failed or not message.get("more_body"):
                self.body += piece
            elif piece:
                self.tell()
                # A caller who has hung up changes nothing: the turn goes on, and a second try reads its answer.
                response.write(piece)

    @property
    def failed(self) -> bool:
        return self.status >= 400

    def tell(self) -> None:
        """Names the content type, before anything is written."""
        if not self.told and self.content_type != JSON:
            response.set_content_type(self.content_type)
            self.told = True

    def reason(self) -> str:
        """What went wrong, in the application's words."""
        try:
            said = json.loads(self.body)
        except ValueError:
            return self.body.decode("utf-8", "replace") or f"the agent answered with status {self.status}"
        if isinstance(said, dict):
            parts = [str(said[name]) for name in ("error", "detail", "details", "message") if said.get(name)]
            if parts:
                return ": ".join(parts)
            return f"the agent failed without a message (status {self.status}); its log has more"
        return str(said)


def scope(context) -> dict:
    """The request that a turn is. Its headers are those that the version's configuration lets through."""
    headers = [(header.name.lower(), header.value) for header in context.headers]
    there = {name for name, _ in headers}
    own = {
        SESSION: context.session_id,
        REQUEST: context.request_id,
        USER: context.user_id,
        "content-type": context.content_type or JSON,
        "accept": context.accept,
        "traceparent": context.traceparent,
    }
    headers += [(name, value) for name, value in own.items() if value is not None and name not in there]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/invocations",
        "raw_path": b"/invocations",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode("latin-1", "replace"), value.encode("utf-8")) for name, value in headers],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 8080),
        "state": {},
    }


async def call(app, payload: bytes, context) -> Answer:
    """Hands the payload to the application."""
    answer = Answer()
    messages = [{"type": "http.request", "body": payload, "more_body": False}]

    async def receive():
        return messages.pop() if messages else {"type": "http.disconnect"}

    await app(scope(context), receive, answer.send)
    return answer
