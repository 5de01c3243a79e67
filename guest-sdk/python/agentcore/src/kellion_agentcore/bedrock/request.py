"""From the arguments of Converse to a request of the contract."""

import base64
import json

from botocore.exceptions import ParamValidationError
from wit_world.imports import model

# Arguments that the contract carries, and some that change nothing about the answer.
_CARRIED = {
    "modelId", "messages", "system", "inferenceConfig", "toolConfig", "guardrailConfig", "additionalModelRequestFields",
}
_IGNORED = {"requestMetadata", "performanceConfig", "serviceTier", "additionalModelResponseFieldPaths"}
PARAMETERS = frozenset(_CARRIED | _IGNORED)


def request(arguments: dict) -> model.Request:
    """The request; ParamValidationError, as botocore's, when the arguments are none."""
    unknown = [name for name in arguments if name not in PARAMETERS and arguments[name] is not None]
    if unknown:
        raise invalid(f'Unknown parameter in input: "{unknown[0]}", must be one of: {", ".join(sorted(PARAMETERS))}')
    if not isinstance(arguments.get("modelId"), str):
        raise invalid('Missing required parameter in input: "modelId"')
    try:
        return _request(arguments)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise invalid(f"the request does not have the shape of Converse: {type(error).__name__}: {error}") from error


def _request(arguments: dict) -> model.Request:
    inference = arguments.get("inferenceConfig") or {}
    tools = arguments.get("toolConfig") or {}
    guardrail = arguments.get("guardrailConfig")
    extra = arguments.get("additionalModelRequestFields")
    return model.Request(
        model=arguments["modelId"],
        system=[content(block) for block in arguments.get("system") or []],
        messages=[message(each) for each in arguments.get("messages") or []],
        inference=model.Inference(
            inference.get("maxTokens"),
            _float(inference.get("temperature")),
            _float(inference.get("topP")),
            list(inference.get("stopSequences") or []),
        ),
        tools=[_tool(each["toolSpec"]) for each in tools.get("tools") or [] if "toolSpec" in each],
        tool_choice=_choice(tools.get("toolChoice")),
        guardrail=model.Guardrail(guardrail["guardrailIdentifier"], guardrail["guardrailVersion"]) if guardrail else None,
        extra=json.dumps(extra) if extra else None,
    )


def message(said: dict) -> model.Message:
    if said["role"] not in ("user", "assistant"):
        raise ValueError(f"role {said['role']!r} is neither user nor assistant")
    role = model.Role.USER if said["role"] == "user" else model.Role.ASSISTANT
    return model.Message(role, [content(block) for block in said["content"]])


def content(block: dict):
    """A content block of a message or of the system prompt."""
    kind, value = _only(block)
    match kind:
        case "text":
            return model.Content_Text(value)
        case "image":
            return model.Content_Image(_media(value))
        case "video":
            return model.Content_Video(_media(value))
        case "audio":
            return model.Content_Audio(_media(value))
        case "document":
            return model.Content_Document(_document(value))
        case "cachePoint":
            return model.Content_CachePoint()
        case "toolUse":
            return model.Content_ToolUse(model.ToolUse(value["toolUseId"], value["name"], json.dumps(value["input"])))
        case "toolResult":
            outputs = [_output(each) for each in value["content"]]
            return model.Content_ToolResult(
                model.ToolResult(value["toolUseId"], outputs, value.get("status") == "error")
            )
        case "reasoningContent" if "redactedContent" in value:
            return model.Content_RedactedReasoning(_bytes(value["redactedContent"]))
        case "reasoningContent":
            text = value["reasoningText"]
            return model.Content_Reasoning(model.Reasoning(text["text"], text.get("signature")))
    return model.Content_Other(json.dumps(block, default=_base64))


def _output(block: dict):
    kind, value = _only(block)
    match kind:
        case "text":
            return model.ToolOutput_Text(value)
        case "json":
            return model.ToolOutput_Json(json.dumps(value))
        case "image":
            return model.ToolOutput_Image(_media(value))
        case "document":
            return model.ToolOutput_Document(_document(value))
        case "video":
            return model.ToolOutput_Video(_media(value))
    raise ValueError(f"a tool result cannot hold {kind!r}")


def _media(value: dict) -> model.Media:
    return model.Media(value["format"], _source(value["source"]))


def _document(value: dict) -> model.Document:
    source = value["source"]
    data = source["text"].encode() if "text" in source else _source(source)
    citations = bool((value.get("citations") or {}).get("enabled"))
    return model.Document(value["name"], value.get("format", "txt"), data, value.get("context"), citations)


def _source(source: dict) -> bytes:
    if "bytes" not in source:
        raise ValueError(f"a source has to be bytes, not {', '.join(source) or 'nothing'}: a cell reads from no bucket")
    return _bytes(source["bytes"])


def _bytes(value) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return value.read() if hasattr(value, "read") else bytes(value)


def _tool(spec: dict) -> model.Tool:
    return model.Tool(spec["name"], spec.get("description"), json.dumps(spec["inputSchema"]["json"]))


def _choice(choice):
    if not choice:
        return None
    kind, value = _only(choice)
    match kind:
        case "auto":
            return model.ToolChoice_Auto()
        case "any":
            return model.ToolChoice_Any()
        case "tool":
            return model.ToolChoice_Tool(value["name"])
    raise ValueError(f"toolChoice {kind!r} is neither auto, any nor tool")


def _only(union: dict):
    """The one field of a union; botocore marks unknown ones, which stand beside it."""
    fields = [(kind, value) for kind, value in union.items() if value is not None]
    if len(fields) != 1:
        raise ValueError(f"{{{', '.join(union)}}} should have exactly one field")
    return fields[0]


def _float(value):
    return None if value is None else float(value)


def _base64(value) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} cannot be part of a request")


def invalid(report: str) -> ParamValidationError:
    return ParamValidationError(report=report)
