"""Tags, pages, client tokens, agent cards and commands, with unmodified boto3.

usage: surface.py ENDPOINT IMAGE
"""

import sys
import uuid

from botocore.exceptions import ClientError

from common import ROLE, built, container, control, create, data, expect, new_session

image = container(sys.argv[2])


def tags(arn):
    return control.list_tags_for_resource(resourceArn=arn)["tags"]


def code(call, **arguments):
    """The code and the body of the error that a call ends in."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response
    raise AssertionError("it raised nothing")


# Tags of an agent, and of an endpoint.
agent = create("probe", image, tags={"team": "tests", "stage": "one"}, protocolConfiguration={"serverProtocol": "A2A"})
agent_id, arn = agent["agentRuntimeId"], agent["agentRuntimeArn"]
expect(tags(arn), {"team": "tests", "stage": "one"})
control.tag_resource(resourceArn=arn, tags={"stage": "two", "a b": "c/d:e"})
control.untag_resource(resourceArn=arn, tagKeys=["team", "never there"])
expect(tags(arn), {"stage": "two", "a b": "c/d:e"})
control.untag_resource(resourceArn=arn, tagKeys=["stage", "a b"])
expect(tags(arn), {})
live = control.create_agent_runtime_endpoint(agentRuntimeId=agent_id, name="live", tags={"of": "endpoint"})
expect(tags(live["agentRuntimeEndpointArn"]), {"of": "endpoint"})
expect(tags(arn), {})
expect(code(control.list_tags_for_resource, resourceArn=arn.replace("probe", "other"))[0], "ResourceNotFoundException")
expect(code(control.tag_resource, resourceArn=arn, tags={"aws:mine": "x"})[0], "ValidationException")

# Client tokens.
token = str(uuid.uuid4())
first = create("once", image, clientToken=token)
built(first["agentRuntimeId"])
again = create("once", image, clientToken=token)
for member in ("agentRuntimeId", "agentRuntimeArn", "agentRuntimeVersion", "createdAt", "status"):
    expect(again[member], first[member])
found, response = code(create, name="once", artifact=image, clientToken=token, description="other")
expect((found, response["reason"]), ("ValidationException", "IdempotentParameterMismatchException"))
update = {"agentRuntimeId": agent_id, "agentRuntimeArtifact": image, "roleArn": ROLE, "clientToken": str(uuid.uuid4())}
update["protocolConfiguration"] = {"serverProtocol": "A2A"}
expect([control.update_agent_runtime(**update)["agentRuntimeVersion"] for _ in range(2)], ["2", "2"])
built(agent_id)

session, token = new_session(), str(uuid.uuid4())
count = {"agentRuntimeArn": arn, "runtimeSessionId": session, "payload": b'{"do": "count"}'}
stop = {"agentRuntimeArn": arn, "runtimeSessionId": session, "clientToken": token}
expect(data.invoke_agent_runtime(**count)["response"].read(), b"1")
expect(data.stop_runtime_session(**stop)["runtimeSessionId"], session)
expect(data.invoke_agent_runtime(**count)["response"].read(), b"1")
expect(data.stop_runtime_session(**stop)["statusCode"], 200)
expect(data.invoke_agent_runtime(**count)["response"].read(), b"2")

# Paginators go through every list, whatever goes meanwhile.
for name in ("b", "c", "d"):
    control.create_agent_runtime_endpoint(agentRuntimeId=agent_id, name=name)
for _ in range(3):
    control.update_agent_runtime(**update | {"clientToken": str(uuid.uuid4())})
    built(agent_id)


def pages(operation, **arguments):
    return control.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": 1})


names = sorted(item["agentRuntimeName"] for page in pages("list_agent_runtimes") for item in page["agentRuntimes"])
expect(names, ["once", "probe"])
versions = pages("list_agent_runtime_versions", agentRuntimeId=agent_id)
seen = [item["agentRuntimeVersion"] for page in versions for item in page["agentRuntimes"]]
expect(seen, ["5", "4", "3", "2", "1"])
seen = []
for page in pages("list_agent_runtime_endpoints", agentRuntimeId=agent_id):
    for endpoint in page["runtimeEndpoints"]:
        seen.append(endpoint["name"])
        if endpoint["name"] != "DEFAULT":
            control.delete_agent_runtime_endpoint(agentRuntimeId=agent_id, endpointName=endpoint["name"])
expect(seen, ["DEFAULT", "b", "c", "d", "live"])

# The card of an agent that speaks A2A.
answer = data.get_agent_card(agentRuntimeArn=arn, runtimeSessionId=session)
expect((answer["statusCode"], answer["runtimeSessionId"]), (200, session))
card = answer["agentCard"]
expect((card["name"], card["version"], card["protocolVersion"]), ("probe", "5", "0.3.0"))
assert data.get_agent_card(agentRuntimeArn=arn)["runtimeSessionId"], "botocore names a session"
expect(code(data.get_agent_card, agentRuntimeArn=first["agentRuntimeArn"])[0], "ValidationException")

# Commands.
command = {"agentRuntimeArn": arn, "body": {"command": "ls"}}
found, response = code(data.invoke_agent_runtime_command, **command)
expect(found, "ValidationException")
assert "no shell" in response["Error"]["Message"], response
command["agentRuntimeArn"] = arn.replace("probe", "other")
expect(code(data.invoke_agent_runtime_command, **command)[0], "ResourceNotFoundException")

# What is deleted may be deleted again by the same call.
delete = {"agentRuntimeId": agent_id, "clientToken": str(uuid.uuid4())}
deleted = [control.delete_agent_runtime(**delete) for _ in range(2)]
expect([(answer["status"], answer["agentRuntimeId"]) for answer in deleted], [("DELETING", agent_id)] * 2)
expect(code(control.delete_agent_runtime, agentRuntimeId=agent_id)[0], "ResourceNotFoundException")
