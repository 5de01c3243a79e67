"""A streamed answer, read line by line as the AWS documentation does, with unmodified boto3.

usage: streaming.py ENDPOINT ARN
"""

import sys

from common import data, expect, new_session

response = data.invoke_agent_runtime(
    agentRuntimeArn=sys.argv[2],
    runtimeSessionId=new_session(),
    payload=b'{"do": "stream", "n": 3}',
)
expect(response["contentType"], "text/event-stream")
lines = [line.decode() for line in response["response"].iter_lines(chunk_size=10) if line]
expect(lines, ["data: 1", "data: 2", "data: 3"])
