"""Every refusal is the exception of the service model, with unmodified boto3.

usage: errors.py ENDPOINT ARN
"""

import sys

from common import container, control, create, data, new_session

arn = sys.argv[2]


def raises(exception, message, call, **arguments):
    try:
        call(**arguments)
    except exception as error:
        told = error.response["Error"]["Message"]
        assert message in told, f"{message!r} is not in {told!r}"
    else:
        raise AssertionError(f"{call.__name__} raised nothing")


def invoke(exception, message, **arguments):
    arguments = {"agentRuntimeArn": arn, "runtimeSessionId": new_session(), "payload": b"{}"} | arguments
    raises(exception, message, data.invoke_agent_runtime, **arguments)


invoke(data.exceptions.RuntimeClientError, "Received error (400) from runtime", payload=b"")
invoke(data.exceptions.RuntimeClientError, "no luck", payload=b'{"do": "fail", "message": "no luck"}')
invoke(data.exceptions.RuntimeClientError, "the agent trapped", payload=b'{"do": "trap"}')
invoke(data.exceptions.ResourceNotFoundException, "no endpoint", qualifier="other")
invoke(data.exceptions.ResourceNotFoundException, "was not found", agentRuntimeArn=arn.replace("probe", "other"))
invoke(data.exceptions.ValidationException, "33 to 256", runtimeSessionId="." * 40)
raises(
    data.exceptions.ResourceNotFoundException,
    "no such session",
    data.stop_runtime_session,
    agentRuntimeArn=arn,
    runtimeSessionId=new_session(),
)
raises(
    control.exceptions.ConflictException, "exists already", create, name="probe", artifact=container("a")
)
raises(
    control.exceptions.ValidationException, "at 'agentRuntimeName' failed", create, name="a-b", artifact=container("a")
)
raises(
    control.exceptions.ResourceNotFoundException,
    "was not found",
    control.get_agent_runtime,
    agentRuntimeId="nobody-0123456789",
)
