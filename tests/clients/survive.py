"""One call, made as everybody makes it; the server dies and comes back in the middle of it.

    survive.py ENDPOINT ARN SESSION PAYLOAD
"""

import sys

from common import data

_, arn, session, payload = sys.argv[1:]
answer = data.invoke_agent_runtime(
    agentRuntimeArn=arn, runtimeSessionId=session, payload=payload
)
print(answer["response"].read().decode())
