"""A stand-in for Amazon Bedrock that does what it is told in the conversation's last text.

usage: scripted_bedrock.py PORT

Port 0 lets the system choose; the port is what it prints.

`fail CODE` fails so; `fail too long` as a conversation that is too long; `recover` is throttled until it was asked four times;
`echo` names the kinds of content; with a tool that has to be called, the JSON in the text is its input; anything else is
said back.
"""

import json
import struct
import sys
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATUS = {"ThrottlingException": 429, "AccessDeniedException": 403, "ValidationException": 400}
asked = {}


class Failure(Exception):
    pass


def answer(request):
    content = request["messages"][-1]["content"]
    text = next((block["text"] for block in reversed(content) if "text" in block), "")
    if text == "fail too long":
        raise Failure("ValidationException", "Input is too long for requested model.")
    if text.startswith("fail "):
        raise Failure(text.removeprefix("fail "), "as you wish")
    if text == "recover":
        asked[text] = asked.get(text, 0) + 1
        if asked[text] < 4:
            raise Failure("ThrottlingException", "Too many requests")
    tools = request.get("toolConfig", {}).get("tools", [])
    if "{" in text and tools:
        tool = tools[-1]["toolSpec"]["name"]
        return [{"toolUse": {"toolUseId": "use-1", "name": tool, "input": json.loads(text[text.index("{") :])}}], "tool_use"
    if text == "echo":
        text = " ".join(next(iter(block)) for block in content)
        return [{"text": text}], "end_turn"
    return [{"text": f"You said: {text}"}], "end_turn"


def header(name, value):
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()


def frame(kind, body):
    payload = json.dumps(body).encode()
    headers = header(":message-type", "event") + header(":event-type", kind) + header(":content-type", "application/json")
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


USAGE = {"inputTokens": 7, "outputTokens": 5, "totalTokens": 12}


def events(content, reason):
    yield "messageStart", {"role": "assistant"}
    for index, block in enumerate(content):
        if "toolUse" in block:
            use = {name: block["toolUse"][name] for name in ("toolUseId", "name")}
            yield "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": use}}
            delta = {"toolUse": {"input": json.dumps(block["toolUse"]["input"])}}
        else:
            delta = {"text": block["text"]}
        yield "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "messageStop", {"stopReason": reason}
    yield "metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            content, reason = answer(request)
        except Failure as failure:
            code, message = failure.args
            self.reply(STATUS[code], "application/json", json.dumps({"message": message}).encode(), code)
            return
        if self.path.endswith("converse-stream"):
            body = b"".join(frame(kind, event) for kind, event in events(content, reason))
            self.reply(200, "application/vnd.amazon.eventstream", body)
        else:
            message = {"role": "assistant", "content": content}
            body = {"output": {"message": message}, "stopReason": reason, "usage": USAGE, "metrics": {"latencyMs": 1}}
            self.reply(200, "application/json", json.dumps(body).encode())

    def reply(self, status, content_type, body, code=None):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        if code:
            self.send_header("x-amzn-ErrorType", code)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print(server.server_port, flush=True)
server.serve_forever()
