"""boto3 itself, without a framework."""

import json

import boto3
from bedrock_agentcore import BedrockAgentCoreApp
from botocore.config import Config
from botocore.exceptions import ClientError

MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"

app = BedrockAgentCoreApp()
bedrock = boto3.client("bedrock-runtime", region_name="us-west-2", config=Config(retries={"max_attempts": 2}))
messages = []


@app.entrypoint
def invoke(payload, context):
    content = [{"text": payload["prompt"]}] if "prompt" in payload else payload["content"]
    request = {"modelId": payload.get("model", MODEL), "inferenceConfig": {"maxTokens": 500, "temperature": 0.5}}
    try:
        match payload.get("do", "converse"):
            case "converse":
                messages.append({"role": "user", "content": content})
                answer = bedrock.converse(messages=messages, system=[{"text": "Be brief."}], **request)
                messages.append(answer["output"]["message"])
                return {"text": messages[-1]["content"][0]["text"], "stop": answer["stopReason"], "usage": answer["usage"]}
            case "stream":
                return pieces(bedrock.converse_stream(messages=[{"role": "user", "content": content}], **request))
            case "count":
                converse = {"messages": [{"role": "user", "content": content}]}
                return bedrock.count_tokens(modelId=request["modelId"], input={"converse": converse})["inputTokens"]
            case "invoke":
                answer = bedrock.invoke_model(modelId=request["modelId"], body=json.dumps(payload["body"]))
                return json.loads(answer["body"].read())
            case "held":
                stream = bedrock.converse_stream(messages=[{"role": "user", "content": content}], **request)["stream"]
                messages.append(stream)
                return next(iter(stream))
    except bedrock.exceptions.ThrottlingException as error:
        return {"throttled": error.response["Error"]["Code"], "status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
    except ClientError as error:
        return {"code": error.response["Error"]["Code"], "text": str(error)}


def pieces(answer):
    for event in answer["stream"]:
        if "contentBlockDelta" in event:
            yield event["contentBlockDelta"]["delta"]["text"]
        elif "messageStop" in event:
            yield event["messageStop"]


if __name__ == "__main__":
    app.run()
