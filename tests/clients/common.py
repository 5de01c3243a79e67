"""What the scripts share: clients of the server under test, and waits for a state."""

import sys
import time
import uuid

import boto3

ENDPOINT = sys.argv[1]
ROLE = "arn:aws:iam::000000000000:role/kellion"

control = boto3.client("bedrock-agentcore-control", endpoint_url=ENDPOINT)
data = boto3.client("bedrock-agentcore", endpoint_url=ENDPOINT)


def new_session():
    return str(uuid.uuid4())


def container(uri):
    return {"containerConfiguration": {"containerUri": uri}}


def create(name, artifact, **more):
    return control.create_agent_runtime(
        agentRuntimeName=name,
        agentRuntimeArtifact=artifact,
        roleArn=ROLE,
        networkConfiguration={"networkMode": "PUBLIC"},
        **more,
    )


def built(agent_id):
    """GetAgentRuntime, as soon as nothing is being built; the bound only keeps a broken server from hanging the test."""
    for _ in range(1_500):
        runtime = control.get_agent_runtime(agentRuntimeId=agent_id)
        if runtime["status"] not in ("CREATING", "UPDATING"):
            return runtime
        time.sleep(0.02)
    raise AssertionError(f"gave up waiting for the build: {runtime}")


def expect(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"
