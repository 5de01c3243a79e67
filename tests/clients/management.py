"""Agents, versions and endpoints, with unmodified boto3.

usage: management.py ENDPOINT IMAGE BUCKET KEY
"""

import datetime
import json
import sys

from common import ROLE, built, container, control, create, data, expect, new_session

image, bucket, key = sys.argv[2:]
code = {
    "codeConfiguration": {
        "code": {"s3": {"bucket": bucket, "prefix": key}},
        "runtime": "PYTHON_3_13",
        "entryPoint": ["agent.py"],
    }
}


def context(arn, session, **more):
    response = data.invoke_agent_runtime(
        agentRuntimeArn=arn, runtimeSessionId=session, payload=b'{"do": "context"}', **more
    )
    return json.loads(response["response"].read())


# An agent of each form of artifact.
agent = create(
    "probe",
    container(image),
    description="first",
    environmentVariables={"COLOR": "green"},
    lifecycleConfiguration={"idleRuntimeSessionTimeout": 60, "maxLifetime": 600},
    tags={"team": "tests"},
)
agent_id, arn = agent["agentRuntimeId"], agent["agentRuntimeArn"]
other = create("from_s3", code)
expect(built(other["agentRuntimeId"])["agentRuntimeArtifact"], code)
expect(built(other["agentRuntimeId"])["status"], "READY")
expect(context(other["agentRuntimeArn"], new_session())["agent_name"], "from_s3")

# Get shows what was given.
shown = built(agent_id)
expect(shown["status"], "READY")
expect(shown["agentRuntimeArtifact"], container(image))
expect(shown["environmentVariables"], {"COLOR": "green"})
expect(shown["lifecycleConfiguration"], {"idleRuntimeSessionTimeout": 60, "maxLifetime": 600})
assert isinstance(shown["createdAt"], datetime.datetime), shown["createdAt"]

# The paginator covers both.
pages = control.get_paginator("list_agent_runtimes").paginate(PaginationConfig={"PageSize": 1})
expect(sorted(item["agentRuntimeName"] for page in pages for item in page["agentRuntimes"]), ["from_s3", "probe"])

# An update makes version 2; a session that runs stays where it is.
old, new = new_session(), new_session()
expect(context(arn, old)["agent_version"], "1")
updated = control.update_agent_runtime(
    agentRuntimeId=agent_id,
    agentRuntimeArtifact=container(image),
    roleArn=ROLE,
    networkConfiguration={"networkMode": "PUBLIC"},
    description="second",
)
expect(updated["agentRuntimeVersion"], "2")
expect(built(agent_id)["description"], "second")
expect([context(arn, old)["agent_version"], context(arn, new)["agent_version"]], ["1", "2"])
versions = control.list_agent_runtime_versions(agentRuntimeId=agent_id)["agentRuntimes"]
expect([item["agentRuntimeVersion"] for item in versions], ["2", "1"])
expect(control.get_agent_runtime(agentRuntimeId=agent_id, agentRuntimeVersion="1")["description"], "first")

# An endpoint points to a version until it is moved.
made = control.create_agent_runtime_endpoint(agentRuntimeId=agent_id, name="live", agentRuntimeVersion="1")
expect(made["targetVersion"], "1")
expect(context(arn, new_session(), qualifier="live")["agent_version"], "1")
control.update_agent_runtime_endpoint(agentRuntimeId=agent_id, endpointName="live", agentRuntimeVersion="2")
endpoint = control.get_agent_runtime_endpoint(agentRuntimeId=agent_id, endpointName="live")
expect([endpoint["status"], endpoint["liveVersion"], endpoint["targetVersion"]], ["READY", "2", "2"])
endpoints = control.list_agent_runtime_endpoints(agentRuntimeId=agent_id)["runtimeEndpoints"]
expect(sorted(item["name"] for item in endpoints), ["DEFAULT", "live"])
deleted = control.delete_agent_runtime_endpoint(agentRuntimeId=agent_id, endpointName="live")
expect([deleted["status"], deleted["endpointName"]], ["DELETING", "live"])

# A bare id with the account names the agent as well as its ARN.
response = data.invoke_agent_runtime(agentRuntimeArn=agent_id, accountId="000000000000", payload=b'{"do": "count"}')
expect(response["response"].read(), b"1")

for name in (agent_id, other["agentRuntimeId"]):
    control.delete_agent_runtime(agentRuntimeId=name)
expect(control.list_agent_runtimes()["agentRuntimes"], [])
