"""The client that `boto3.client("bedrock-runtime")` gives."""

import io
import json
from types import SimpleNamespace

from componentize_py_types import Err
from wit_world.imports import model

from ..errors import refuse
from .errors import Exceptions, client_error
from .request import PARAMETERS, invalid, request
from .response import response
from .stream import EventStream

_METADATA = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}


class BedrockRuntime:
    """Asks models through the server. Retries are the server's and the agent framework's."""

    def __init__(self, region: str):
        self.meta = SimpleNamespace(
            region_name=region,
            endpoint_url=f"https://bedrock-runtime.{region}.amazonaws.com",
            events=_Events(),
            service_model=_ServiceModel(),
            config=None,
        )
        self.exceptions = Exceptions()

    def converse(self, **arguments) -> dict:
        answer = _ask("Converse", model.converse, request(arguments))
        return {"ResponseMetadata": dict(_METADATA), **response(answer)}

    def converse_stream(self, **arguments) -> dict:
        source = _ask("ConverseStream", model.converse_stream, request(arguments))
        return {"ResponseMetadata": dict(_METADATA), "stream": EventStream(source)}

    def count_tokens(self, *, modelId, input) -> dict:
        if "converse" not in input:
            raise invalid("count_tokens in a Kellion cell takes input={'converse': …}")
        tokens = _ask("CountTokens", model.count_tokens, request({"modelId": modelId, **input["converse"]}))
        return {"ResponseMetadata": dict(_METADATA), "inputTokens": tokens}

    def invoke_model(self, *, modelId, body=b"", contentType=None, accept=None, **_) -> dict:
        data = body.read() if hasattr(body, "read") else body
        data = data.encode() if isinstance(data, str) else bytes(data)
        answer = _ask("InvokeModel", model.invoke_model, modelId, data)
        return {
            "ResponseMetadata": dict(_METADATA),
            "contentType": accept if accept not in (None, "*/*") else "application/json",
            "body": StreamingBody(answer),
        }

    def close(self) -> None:
        """Nothing is open between calls."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise refuse(
            f"bedrock-runtime's {name}",
            "there are converse, converse_stream, count_tokens and invoke_model",
        )


class StreamingBody(io.BytesIO):
    """The body of an answer, as botocore gives it."""

    def __init__(self, data: bytes):
        super().__init__(data)
        self._amount = len(data)

    def iter_chunks(self, chunk_size=1024):
        while chunk := self.read(chunk_size):
            yield chunk

    def iter_lines(self, chunk_size=1024, keepends=False):
        yield from self.read().splitlines(keepends)

    def json(self):
        return json.loads(self.read())


def _ask(operation: str, function, *arguments):
    try:
        return function(*arguments)
    except Err as error:
        raise client_error(error.value, operation) from None


class _Events:
    """Hooks into requests are taken and never called: no request is made here."""

    def register(self, *_, **__):
        pass

    register_first = register_last = unregister = register


class _ServiceModel:
    """What frameworks ask of the service's description."""

    service_name = "bedrock-runtime"

    def operation_model(self, _):
        return SimpleNamespace(input_shape=SimpleNamespace(members=dict.fromkeys(PARAMETERS)))

    def shape_for(self, name):
        formats = {
            "GuardrailConverseImageFormat": ["png", "jpeg"],
            "DocumentFormat": ["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"],
            "VideoFormat": ["mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"],
        }
        return SimpleNamespace(enum=formats.get(name, ["png", "jpeg", "gif", "webp"]))
