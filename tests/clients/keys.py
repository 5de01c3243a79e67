"""boto3 with a tenant's key, and with another tenant's: arguments are the endpoint, the agent's ARN, and two keys."""

import sys
import uuid

import boto3
from botocore.exceptions import ClientError

endpoint, arn, key, secret, other_key, other_secret = sys.argv[1:]


def client(name, key, secret):
    return boto3.client(
        name,
        endpoint_url=endpoint,
        region_name="us-west-2",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
    else:
        raise AssertionError(f"{code} was expected")


session = str(uuid.uuid4())
arguments = {"agentRuntimeArn": arn, "runtimeSessionId": session, "payload": b"hello \xff"}
own = client("bedrock-agentcore", key, secret)
answer = own.invoke_agent_runtime(**arguments)
assert answer["response"].read() == b"hello \xff"
assert answer["runtimeSessionId"] == session

other = client("bedrock-agentcore", other_key, other_secret)
refused("ResourceNotFoundException", other.invoke_agent_runtime, **arguments)
wrong = client("bedrock-agentcore", key, other_secret)
refused("InvalidSignatureException", wrong.invoke_agent_runtime, **arguments)
nobody = client("bedrock-agentcore", "AKKLAAAAAAAAAAAAAAAA", secret)
refused("UnrecognizedClientException", nobody.invoke_agent_runtime, **arguments)

control = client("bedrock-agentcore-control", key, secret)
agents = control.list_agent_runtimes()["agentRuntimes"]
assert [agent["agentRuntimeArn"] for agent in agents] == [arn], agents
identity = arn.rsplit("/", 1)[1]
assert control.get_agent_runtime(agentRuntimeId=identity)["status"] == "READY"
others = client("bedrock-agentcore-control", other_key, other_secret)
assert others.list_agent_runtimes()["agentRuntimes"] == []
refused("ResourceNotFoundException", others.get_agent_runtime, agentRuntimeId=identity)
refused("ResourceNotFoundException", others.delete_agent_runtime, agentRuntimeId=identity)

own.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session)
