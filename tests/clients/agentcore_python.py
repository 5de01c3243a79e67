"""Unchanged AgentCore agents in Python, with unmodified boto3.

usage: agentcore_python.py ENDPOINT [--bedrock]

The agents of guests/agentcore-python have to be deployed under the names of their files. With --bedrock, models are answered
by scripted_bedrock.py, otherwise by the offline provider. The script makes a version of each of two agents, with environment
variables and with headers that are let through.
"""

import json
import sys

from botocore.exceptions import ClientError

from common import built, control, data, expect, new_session

AGENTS = {}
for page in control.get_paginator("list_agent_runtimes").paginate():
    AGENTS.update({agent["agentRuntimeName"]: agent["agentRuntimeArn"] for agent in page["agentRuntimes"]})


def call(agent, session, payload, headers=None):
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()

    def add(request, **_):
        for name, value in (headers or {}).items():
            request.headers[name] = value

    event = "before-sign.bedrock-agentcore.InvokeAgentRuntime"
    data.meta.events.register(event, add, unique_id="headers")
    try:
        return data.invoke_agent_runtime(
            agentRuntimeArn=AGENTS[agent], runtimeSessionId=session, payload=raw, contentType="application/json"
        )
    finally:
        data.meta.events.unregister(event, unique_id="headers")


def invoke(agent, session, payload):
    response = call(agent, session, payload)
    expect(response["contentType"], "application/json")
    return json.loads(response["response"].read())


def frames(agent, session, payload):
    response = call(agent, session, payload)
    expect(response["contentType"], "text/event-stream; charset=utf-8")
    text = response["response"].read().decode()
    assert text.endswith("\n\n"), text
    return [json.loads(frame.removeprefix("data: ")) for frame in text.removesuffix("\n\n").split("\n\n")]


def refused(agent, session, payload):
    try:
        answer = call(agent, session, payload)["response"].read()
    except ClientError as error:
        expect(error.response["Error"]["Code"], "RuntimeClientError")
        return error.response["Error"]["Message"]
    raise AssertionError(f"{agent} should have failed, and answered {answer!r}")


def plain():
    session = new_session()
    for value in [None, 1, 1.5, "ü\n", [1, {"a": []}], True]:
        expect(invoke("plain", session, value), value)
    expect(invoke("plain", session, {"do": "count"}), 7)
    expect(invoke("plain", new_session(), {"do": "count"}), 1)
    expect(invoke("plain", session, {"do": "context"})["session_id"], session)
    expect(invoke("plain", session, {"do": "think"}), "HealthyBusy")
    expect(invoke("plain", session, {"do": "response", "message": "m"}), {"said": "m"})
    expect(frames("plain", session, {"do": "numbers"}), [0, 1, 2])
    for payload, words in [
        ({"do": "fail", "message": "out of order"}, "out of order"),
        ({"do": "refuse", "message": "no prompt"}, "no prompt"),
        ({"do": "exit", "message": "bye"}, "bye"),
        ({"do": "thread"}, "threading.Thread"),
        ({"do": "s3"}, "the AWS service 's3' (its operation list_buckets)"),
        (b"{", "Invalid JSON"),
        (b"", "Invalid JSON"),
        (b"\xff", "Invalid"),
        (b"[" * 5000, "nests deeper"),
    ]:
        said = refused("plain", session, payload)
        assert words in said, f"{words!r} is not in {said!r}"
    # Payloads that are no JSON never reach the entrypoint.
    expect(invoke("plain", session, {"do": "count"}), 17)


def update(agent, **changes):
    """Makes a version that differs in these fields, and makes it the one that is called."""
    agent_id = AGENTS[agent].rpartition("/")[2]
    now = control.get_agent_runtime(agentRuntimeId=agent_id)
    kept = {name: now[name] for name in ("agentRuntimeArtifact", "roleArn", "networkConfiguration")}
    control.update_agent_runtime(agentRuntimeId=agent_id, **{**kept, **changes})
    expect(built(agent_id)["status"], "READY")


def environment():
    names = ["BYPASS_TOOL_CONSENT", "GREETING", "NOBODY_SETS_THIS"]
    update("hooks", environmentVariables={})
    expect(
        invoke("hooks", new_session(), {"environment": names}),
        {"BYPASS_TOOL_CONSENT": "true", "GREETING": "hello", "NOBODY_SETS_THIS": None},
    )
    # What the agent sets stays, what it gives a default gives way.
    update("hooks", environmentVariables={"BYPASS_TOOL_CONSENT": "false", "GREETING": "good day", "NOBODY_SETS_THIS": "ü"})
    expect(
        invoke("hooks", new_session(), {"environment": names}),
        {"BYPASS_TOOL_CONSENT": "true", "GREETING": "good day", "NOBODY_SETS_THIS": "ü"},
    )


def headers():
    name = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Color"
    update("plain", requestHeaderConfiguration={"requestHeaderAllowlist": [name]})
    sent = {name: "deep green", "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Other": "no"}
    session = new_session()
    response = call("plain", session, {"do": "context"}, sent)
    answer = json.loads(response["response"].read())
    expect(answer["session_id"], session)
    seen = {name.lower(): value for name, value in answer["headers"].items()}
    expect(seen.get(name.lower()), "deep green")
    assert "x-amzn-bedrock-agentcore-runtime-custom-other" not in seen, seen


def files():
    session = new_session()
    expect(invoke("plain", session, {"do": "file", "name": "notes/a.txt", "text": "one\n"}), "one\n")
    expect(invoke("plain", session, {"do": "file", "name": "notes/a.txt", "text": "two\n"}), "one\ntwo\n")
    expect(invoke("plain", new_session(), {"do": "file", "name": "notes/a.txt", "text": "three\n"}), "three\n")
    assert "README.md" in invoke("plain", session, {"do": "listing"})
    expect(invoke("plain", session, {"do": "zone", "name": "Europe/Berlin"}), "2026-07-01T00:00:00+02:00")
    expect(invoke("plain", session, {"do": "work"}), ["done", False])
    for payload, words in [
        ({"do": "fetch"}, "it has no network"),
        ({"do": "process"}, "subprocess.Popen is not available in a Kellion cell"),
    ]:
        said = refused("plain", session, payload)
        assert words in said, f"{words!r} is not in {said!r}"


def offline():
    first, second = new_session(), new_session()
    expect(invoke("tutorial", first, {"user_id": 1, "prompt": "How much is 2X5?"}), "Hello Maira! 2*5 is 10.")
    expect(invoke("tutorial", first, {"user_id": 1, "prompt": "and that plus 34?"}), "Hello Maira! 10 + 34 is 44.")
    assert "no earlier result" in invoke("tutorial", second, {"user_id": 2, "prompt": "and that plus 34?"})
    expect(invoke("tutorial", second, {"user_id": 2, "prompt": "How is the weather?"}), "Hello Mani! The weather is sunny.")
    expect("".join(frames("streaming", first, {"prompt": "How much is 6*7?"})), "Hello! 6*7 is 42.")
    assert len(frames("streaming", first, {"prompt": "and that plus 1?"})) > 3
    expect(
        frames("streaming", first, {"break": "broken"}),
        ["one", {"error": "broken", "error_type": "ValueError", "message": "An error occurred during streaming"}],
    )
    expect(frames("streaming", first, {"about": True})[0]["session"], first)
    hooks = invoke("hooks", first, {"prompt": "How is the weather?"})
    expect(hooks["journal"], ["before", "tool weather", "after"])
    assert "sunny" in hooks["text"], hooks
    expect(invoke("structured", first, {"person": {"name": "Ada", "age": "36"}}), {"name": "Ada", "age": 36})
    assert "age" in refused("structured", first, {"person": {"name": "Ada", "age": -1}})
    answer = invoke("boto", first, {"prompt": "How is the weather?"})
    expect(answer["stop"], "end_turn")
    assert answer["usage"]["totalTokens"] > 0, answer
    assert invoke("boto", first, {"do": "count", "prompt": "Hello there"}) > 0
    pieces = frames("boto", first, {"do": "stream", "prompt": "Hello"})
    expect(pieces[-1], {"stopReason": "end_turn"})
    expect(invoke("boto", first, {"do": "held", "prompt": "Hello"}), {"messageStart": {"role": "assistant"}})
    expect(invoke("boto", first, {"do": "invoke", "prompt": "", "body": {}})["code"], "ValidationException")


def bedrock():
    session = new_session()
    expect(
        invoke("structured", session, {"prompt": 'person {"name": "Ada", "age": 36}'}),
        {"structured": {"name": "Ada", "age": 36}},
    )
    expect(invoke("boto", session, {"prompt": "fail ThrottlingException"}), {"throttled": "ThrottlingException", "status": 429})
    for code in ["AccessDeniedException", "ValidationException"]:
        expect(invoke("boto", session, {"do": "converse", "prompt": f"fail {code}"})["code"], code)
    media = [
        {"image": {"format": "png", "source": {"bytes": "x"}}},
        {"document": {"name": "d", "format": "txt", "source": {"bytes": "some words"}}},
        {"text": "echo"},
    ]
    expect(invoke("boto", new_session(), {"content": media})["text"], "image document text")
    expect(list(invoke("hooks", session, {"prompt": "fail too long"})), ["too long"])
    # Strands tries again by itself.
    expect(invoke("hooks", new_session(), {"prompt": "recover"})["text"], "You said: recover")


plain()
environment()
headers()
files()
if "--bedrock" in sys.argv:
    bedrock()
else:
    offline()
print("ok")
