"""Unchanged AgentCore agents in TypeScript, with unmodified boto3.

usage: agentcore_typescript.py ENDPOINT [--bedrock]

The agents of guests/strands-typescript have to be deployed under the names of their files. With --bedrock, models are answered
by scripted_bedrock.py, otherwise by the offline provider.
"""

import hashlib
import json
import sys

from botocore.exceptions import ClientError

from common import control, data, expect, new_session

AGENTS = {}
for page in control.get_paginator("list_agent_runtimes").paginate():
    AGENTS.update({agent["agentRuntimeName"]: agent["agentRuntimeArn"] for agent in page["agentRuntimes"]})


def call(agent, session, payload):
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return data.invoke_agent_runtime(
        agentRuntimeArn=AGENTS[agent], runtimeSessionId=session, payload=raw, contentType="application/json"
    )


def invoke(agent, session, payload):
    response = call(agent, session, payload)
    assert response["contentType"].startswith("application/json"), response["contentType"]
    return json.loads(response["response"].read())


def frames(agent, session, payload):
    """The events of a stream: their names, if they have any, and their data."""
    response = call(agent, session, payload)
    assert response["contentType"].startswith("text/event-stream"), response["contentType"]
    text = response["response"].read().decode()
    assert text.endswith("\n\n"), text
    events = []
    for frame in text.removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.split("\n"))
        events.append((fields.get("event"), json.loads(fields["data"])))
    return events


def refused(agent, session, payload):
    try:
        answer = call(agent, session, payload)["response"].read()
    except ClientError as error:
        expect(error.response["Error"]["Code"], "RuntimeClientError")
        return error.response["Error"]["Message"]
    raise AssertionError(f"{agent} should have failed, and answered {answer!r}")


def errors():
    for agent, payload, words in [
        ("assistant", {"prompt": 5}, "prompt: Invalid input: expected string"),
        ("assistant", b"{", "JSON"),
        ("assistant", b"\xff", "UTF-8"),
        ("assistant", b"[" * 5000, "deep"),
        ("own_app", {}, "prompt"),
        ("container", {}, "no prompt"),
        ("container", b"{", "JSON"),
    ]:
        said = refused(agent, new_session(), payload)
        assert words in said, f"{agent}: {words!r} is not in {said!r}"


def offline():
    first, second = new_session(), new_session()
    answer = invoke("assistant", first, {"prompt": "How much is 2*5?"})
    expect(answer, {"answer": "Hello! 2*5 is 10.", "messages": 4, "session": first})
    expect(invoke("assistant", first, {"prompt": "and that plus 34?"})["answer"], "Hello! 10 + 34 is 44.")
    answer = invoke("assistant", second, {"prompt": "and that plus 34?"})
    assert "44" not in answer["answer"] and answer["messages"] == 2, answer

    events = frames("assistant", first, {"prompt": "and that plus 1?", "stream": True})
    expect({name for name, _ in events}, {"message"})
    expect("".join(event["text"] for _, event in events), "Hello! 44 + 1 is 45.")
    events = frames("assistant", first, {"prompt": "How much is 6*7?", "stream": True, "break": "broken"})
    expect(events[-1], ("error", {"error": "broken"}))
    # The stream that broke belongs to the conversation all the same.
    expect(invoke("assistant", first, {"prompt": "and that plus 1?"})["answer"], "Hello! 42 + 1 is 43.")

    answer = invoke("own_app", first, {"prompt": "How is the weather?"})
    expect((answer["journal"], answer["turns"]), (["tool weather", "after"], 1))
    assert "sunny" in answer["text"], answer
    for turn in range(2, 5):
        answer = invoke("own_app", first, {"prompt": "How is the weather?"})
        expect(answer["turns"], turn)
    assert answer["messages"] <= 4, answer
    expect(invoke("own_app", second, {"prompt": "Hello"})["turns"], 1)

    answer = invoke("bedrock", first, {"prompt": "Hello"})
    expect((answer["stop"], answer["messages"]), ("end_turn", 2))
    assert answer["usage"]["totalTokens"] > 0, answer
    expect(invoke("bedrock", first, {"prompt": "Hello"})["messages"], 4)
    expect(invoke("bedrock", second, {"prompt": "Hello"})["messages"], 2)
    events = frames("bedrock", first, {"do": "stream", "prompt": "Hello"})
    assert len(events) > 3, events
    expect(events[-1], (None, {"stop": "end_turn"}))
    expect(invoke("bedrock", first, {"do": "leave", "prompt": "Hello"}), {"text": "Hello! "})
    expect(invoke("bedrock", first, {"do": "invoke", "prompt": ""}), {"code": "ValidationException"})

    answer = invoke("container", first, {"prompt": "Hello"})
    expect((answer["session"], answer["messages"]), (first, 2))
    expect(answer["digest"], hashlib.sha256(b"Hello").hexdigest())
    assert answer["id"] != invoke("container", second, {"prompt": "Hello"})["id"], answer
    expect(invoke("container", first, {"prompt": "Hello"})["messages"], 4)
    types = [event["type"] for _, event in frames("container", first, {"prompt": "Hello", "stream": True})]
    expect((types[0], types[-1]), ("beforeInvocationEvent", "agentResultEvent"))


def bedrock():
    session = new_session()
    expect(invoke("bedrock", session, {"prompt": "Hello"})["text"], "You said: Hello")
    for code, status in [("ThrottlingException", 429), ("AccessDeniedException", 403), ("ValidationException", 400)]:
        throttled = code == "ThrottlingException"
        answer = invoke("bedrock", session, {"prompt": f"fail {code}"})
        expect(answer, {"code": code, "status": status, "throttled": throttled})
    # A failed call leaves the conversation as it was.
    expect(invoke("bedrock", session, {"prompt": "again"})["messages"], 4)
    expect(invoke("assistant", session, {"prompt": "Hello"})["answer"], "You said: Hello")
    # Strands for TypeScript leaves trying again to the client below it.
    assert "Too many requests" in refused("own_app", session, {"prompt": "recover"})
    expect(invoke("own_app", session, {"prompt": "Hello"})["text"], "You said: Hello")
    expect(invoke("container", session, {"prompt": "Hello"})["text"].strip(), "You said: Hello")


errors()
if "--bedrock" in sys.argv:
    bedrock()
else:
    offline()
print("ok")
