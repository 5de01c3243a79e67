"""Deploys a Strands agent as AWS documents it for code: packages and sources in a zip, the zip in a bucket, the bucket in
CreateAgentRuntime. Then it is invoked.

usage: code_deployment.py ENDPOINT
"""

import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import boto3

from common import ROLE, control, data, expect, new_session

AGENT = '''
import os

from bedrock_agentcore.runtime import BedrockAgentCoreApp
from strands import Agent, tool
from strands.models import BedrockModel

app = BedrockAgentCoreApp()


@tool
def weather():
    """Tells the weather."""
    return "sunny"


agent = Agent(model=BedrockModel(model_id=os.environ["MODEL_ID"]), tools=[weather])


@app.entrypoint
def invoke(payload, context):
    result = agent(payload["prompt"])
    return {"answer": result.message["content"][0]["text"], "session": context.session_id}


if __name__ == "__main__":
    app.run()
'''

# 1. The packages, for the machines that AgentCore has.
packages = Path("deployment_package")
subprocess.run(
    [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", packages]
    + ["--platform", "manylinux2014_aarch64", "--python-version", "3.13", "--only-binary=:all:"]
    + ["bedrock-agentcore==1.25.0", "strands-agents==1.62.0"],
    check=True,
)

# 2. The zip.
with zipfile.ZipFile("deployment_package.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
    for path in sorted(packages.rglob("*")):
        archive.write(path, path.relative_to(packages))
    archive.writestr("main.py", AGENT)

# 3. The bucket.
s3 = boto3.client("s3")
s3.create_bucket(Bucket="agents", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
s3.upload_file("deployment_package.zip", "agents", "my-agent/deployment_package.zip")

# 4. The agent.
created = control.create_agent_runtime(
    agentRuntimeName="my_agent",
    agentRuntimeArtifact={
        "codeConfiguration": {
            "code": {"s3": {"bucket": "agents", "prefix": "my-agent/deployment_package.zip"}},
            "runtime": "PYTHON_3_13",
            "entryPoint": ["opentelemetry-instrument", "main.py"],
        }
    },
    networkConfiguration={"networkMode": "PUBLIC"},
    roleArn=ROLE,
    environmentVariables={"MODEL_ID": "us.anthropic.claude-sonnet-4-20250514-v1:0"},
)
while True:
    runtime = control.get_agent_runtime(agentRuntimeId=created["agentRuntimeId"])
    if runtime["status"] != "CREATING":
        break
    time.sleep(0.5)
expect((runtime["status"], runtime.get("failureReason")), ("READY", None))

# 5. The answer.
session = new_session()
response = data.invoke_agent_runtime(
    agentRuntimeArn=created["agentRuntimeArn"],
    runtimeSessionId=session,
    payload=json.dumps({"prompt": "How is the weather?"}).encode(),
)
answer = json.loads(response["response"].read())
expect(answer["session"], session)
assert "sunny" in answer["answer"], answer
print("ok")
