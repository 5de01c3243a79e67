import json

import boto3
import pytest
from bindings import Err
from botocore.exceptions import ClientError, ParamValidationError
from kellion_agentcore.bedrock import stream
from kellion_agentcore.errors import NotInCell
from wit_world.imports import model as wit

MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"
HI = [{"role": "user", "content": [{"text": "hi"}]}]


def client():
    return boto3.client("bedrock-runtime", region_name="us-west-2")


def done(content=(), reason=None, extra=None):
    return wit.Response(list(content), reason or wit.StopReason_EndTurn(), wit.Usage(1, 2, 3, 0), 5, MODEL, extra)


def test_a_request_is_whole(host):
    host.answers.append(done())
    source = {"bytes": b"1"}
    client().converse(
        modelId=MODEL,
        system=[{"text": "be brief"}, {"cachePoint": {"type": "default"}}],
        messages=[
            {
                "role": "user",
                "content": [
                    {"text": "hi"},
                    {"image": {"format": "png", "source": source}},
                    {"document": {"name": "d", "format": "pdf", "source": source, "citations": {"enabled": True}}},
                    {"video": {"format": "mp4", "source": source}},
                    {"guardContent": {"text": {"text": "g"}}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"toolUse": {"toolUseId": "1", "name": "t", "input": {"a": 1}}},
                    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                    {"reasoningContent": {"redactedContent": b"r"}},
                ],
            },
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": "1", "content": [{"json": [1]}], "status": "error"}}],
            },
        ],
        inferenceConfig={"maxTokens": 10, "temperature": 1, "topP": 0.5, "stopSequences": ["."]},
        toolConfig={
            "tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": {}}}}, {"cachePoint": {"type": "default"}}],
            "toolChoice": {"tool": {"name": "t"}},
        },
        guardrailConfig={"guardrailIdentifier": "g", "guardrailVersion": "1"},
        additionalModelRequestFields={"k": 1},
    )
    [request] = host.requests
    assert request.system == [wit.Content_Text("be brief"), wit.Content_CachePoint()]
    assert request.messages[0].content == [
        wit.Content_Text("hi"),
        wit.Content_Image(wit.Media("png", b"1")),
        wit.Content_Document(wit.Document("d", "pdf", b"1", None, True)),
        wit.Content_Video(wit.Media("mp4", b"1")),
        wit.Content_Other('{"guardContent": {"text": {"text": "g"}}}'),
    ]
    assert request.messages[1] == wit.Message(
        wit.Role.ASSISTANT,
        [
            wit.Content_ToolUse(wit.ToolUse("1", "t", '{"a": 1}')),
            wit.Content_Reasoning(wit.Reasoning("hm", "s")),
            wit.Content_RedactedReasoning(b"r"),
        ],
    )
    result = wit.ToolResult("1", [wit.ToolOutput_Json("[1]")], True)
    assert request.messages[2].content == [wit.Content_ToolResult(result)]
    assert request.inference == wit.Inference(10, 1.0, 0.5, ["."])
    assert request.tools == [wit.Tool("t", None, "{}")]
    assert request.tool_choice == wit.ToolChoice_Tool("t")
    assert request.guardrail == wit.Guardrail("g", "1")
    assert request.extra == '{"k": 1}'


@pytest.mark.parametrize(
    "arguments",
    [
        {"messages": HI},
        {"modelId": MODEL, "messages": [{"role": "system", "content": []}]},
        {"modelId": MODEL, "messages": [{"role": "user", "content": [{}]}]},
        {"modelId": MODEL, "messages": "hi"},
        {"modelId": MODEL, "messages": HI, "mesages": []},
        {"modelId": MODEL, "messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"s3Location": {}}}}]}]},
    ],
)
def test_what_is_no_request_is_refused_before_it_is_sent(host, arguments):
    with pytest.raises(ParamValidationError):
        client().converse(**arguments)
    assert host.requests == []


def test_an_answer_has_the_shape_of_converse(host):
    content = [wit.Content_Text("a"), wit.Content_ToolUse(wit.ToolUse("1", "t", '{"x": 1}'))]
    host.answers.append(done(content, wit.StopReason_ToolUse(), '{"k": 2}'))
    answer = client().converse(modelId=MODEL, messages=HI)
    assert answer["output"]["message"] == {
        "role": "assistant",
        "content": [{"text": "a"}, {"toolUse": {"toolUseId": "1", "name": "t", "input": {"x": 1}}}],
    }
    assert answer["stopReason"] == "tool_use"
    assert answer["usage"] == {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "cacheReadInputTokens": 3}
    assert answer["additionalModelResponseFields"] == {"k": 2}


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        (wit.ErrorKind.THROTTLED, "ThrottlingException", 429),
        (wit.ErrorKind.INVALID, "ValidationException", 400),
        (wit.ErrorKind.DENIED, "AccessDeniedException", 403),
        (wit.ErrorKind.TIMEOUT, "ModelTimeoutException", 408),
        (wit.ErrorKind.UNAVAILABLE, "ServiceUnavailableException", 503),
        (wit.ErrorKind.BUDGET_EXHAUSTED, "ServiceQuotaExceededException", 400),
    ],
)
def test_an_error_is_the_one_that_boto3_would_raise(host, kind, code, status):
    host.answers.append(Err(wit.Error(kind, "no", 1500, None)))
    bedrock = client()
    with pytest.raises(getattr(bedrock.exceptions, code)) as caught:
        bedrock.converse(modelId=MODEL, messages=HI)
    error = caught.value
    assert isinstance(error, ClientError)
    assert error.response["Error"] == {"Code": code, "Message": "no"}
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert error.response["ResponseMetadata"]["HTTPHeaders"] == {"retry-after": "2"}
    assert str(error) == f"An error occurred ({code}) when calling the Converse operation: no"


def test_a_conversation_that_is_too_long_says_what_frameworks_look_for(host):
    host.answers.append(Err(wit.Error(wit.ErrorKind.CONTEXT_TOO_LONG, "200001 tokens", None, None)))
    with pytest.raises(ClientError, match="Input is too long for requested model: 200001 tokens"):
        client().converse(modelId=MODEL, messages=HI)


def streamed(host, events):
    host.answers.append(events)
    return client().converse_stream(modelId=MODEL, messages=HI)["stream"]


def test_a_stream_has_the_events_of_converse_stream(host):
    start = wit.BlockStart_ToolUse(wit.ToolUseStart("1", "t"))
    events = streamed(
        host,
        [
            wit.Event_BlockStart(wit.BlockStart_Text()),
            wit.Event_Delta(wit.Delta_Text("a")),
            wit.Event_BlockStop(),
            wit.Event_BlockStart(start),
            wit.Event_Delta(wit.Delta_ToolInput("{}")),
            wit.Event_BlockStop(),
            wit.Event_Done(done(reason=wit.StopReason_ToolUse())),
        ],
    )
    assert list(events) == [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "a"}, "contentBlockIndex": 0}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "1", "name": "t"}}, "contentBlockIndex": 1}},
        {"contentBlockDelta": {"delta": {"toolUse": {"input": "{}"}}, "contentBlockIndex": 1}},
        {"contentBlockStop": {"contentBlockIndex": 1}},
        {"messageStop": {"stopReason": "tool_use"}},
        {
            "metadata": {
                "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "cacheReadInputTokens": 3},
                "metrics": {"latencyMs": 5},
            }
        },
    ]
    assert host.closed == 1


def test_a_stream_that_breaks_raises_and_is_closed(host):
    events = streamed(host, [Err(wit.Error(wit.ErrorKind.THROTTLED, "no", None, None))])
    with pytest.raises(ClientError, match="ThrottlingException"):
        list(events)
    assert host.closed == 1


def test_a_stream_that_was_left_open_is_closed_at_the_turn_s_end(host):
    events = streamed(host, [wit.Event_Delta(wit.Delta_Text("a"))])
    next(events)
    assert host.closed == 0
    stream.close_all()
    assert host.closed == 1
    assert list(events) == []


def test_another_service_can_be_named_but_not_used():
    s3 = boto3.client("s3")
    with pytest.raises(NotInCell, match=r"the AWS service 's3' \(its operation list_buckets\)"):
        s3.list_buckets()


def test_a_model_s_own_api_takes_and_gives_bytes(host):
    host.answers.append(b'{"embedding": [1]}')
    answer = client().invoke_model(modelId=MODEL, body=json.dumps({"inputText": "a"}))
    assert json.loads(answer["body"].read()) == {"embedding": [1]}
