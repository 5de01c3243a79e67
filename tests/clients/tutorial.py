"""The AgentCore tutorial on runtime context and session management, with unmodified boto3.

usage: tutorial.py ENDPOINT IMAGE
"""

import json
import sys

from common import built, container, control, create, data, expect, new_session

agent = create("tutorial", container(sys.argv[2]), description="Follows the tutorial")
expect(agent["ResponseMetadata"]["HTTPStatusCode"], 202)
expect(agent["agentRuntimeVersion"], "1")
expect(built(agent["agentRuntimeId"])["status"], "READY")


def invoke(session, user, prompt):
    response = data.invoke_agent_runtime(
        agentRuntimeArn=agent["agentRuntimeArn"],
        qualifier="DEFAULT",
        runtimeSessionId=session,
        payload=json.dumps({"user_id": user, "prompt": prompt}),
    )
    expect(response["statusCode"], 200)
    expect(response["runtimeSessionId"], session)
    expect(response["contentType"], "application/json")
    return json.loads(response["response"].read())


first, second, third = new_session(), new_session(), new_session()
expect(invoke(first, 1, "How is the weather?"), "Hello Maira! The weather is sunny.")
expect(invoke(first, 1, "How much is 2X5?"), "Hello Maira! 2*5 is 10.")
expect(invoke(first, 1, "and that plus 34?"), "Hello Maira! 10 + 34 is 44.")
expect(
    invoke(second, 1, "And plus 10?"),
    f"Hello Maira! There is no earlier result in session {second} to add 10 to.",
)
expect(invoke(third, 2, "How is the weather?"), "Hello Mani! The weather is sunny.")

stopped = data.stop_runtime_session(
    agentRuntimeArn=agent["agentRuntimeArn"], qualifier="DEFAULT", runtimeSessionId=first
)
expect(stopped["runtimeSessionId"], first)
assert "no earlier result" in invoke(first, 1, "and that plus 34?")

deleted = control.delete_agent_runtime(agentRuntimeId=agent["agentRuntimeId"])
expect(deleted["status"], "DELETING")
