"""Prints requests that botocore has signed, one JSON object a line: what the server's verifier is held against.

usage: signatures.py > host/src/sigv4/tests/botocore.json

The same run prints the same lines: time and chance are fixed. The first requests are boto3's own, caught before they are
sent; the others are as awkward as their syntax permits.
"""

import datetime
import json
import random
import string
from urllib.parse import quote, urlsplit

import boto3
import botocore.auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials
from urllib3.util.url import _encode_target

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION, SERVICE = "us-west-2", "bedrock-agentcore"
ENDPOINT = "http://127.0.0.1:8080"
ARN = "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/echo-0123456789"
SESSION = "a-session-of-thirty-three-characters-or-more"

chance = random.Random(4)
now = datetime.datetime(2026, 11, 23, 23, 59, 30, tzinfo=datetime.timezone.utc)
botocore.auth.get_current_datetime = lambda *_: now.replace(tzinfo=None)


def show(by, method, url, headers, body):
    """The request as it reaches the server."""
    target = urlsplit(url)
    sent = target.path + (f"?{target.query}" if target.query else "")
    assert _encode_target(sent) == sent, f"urllib3 would send something else than was signed: {sent}"
    lines = [[name, text.decode() if isinstance(text, bytes) else text] for name, text in headers.items()]
    # Not signed, and different in each run.
    lines = [line for line in lines if line[0].lower() not in ("user-agent", "amz-sdk-invocation-id", "amz-sdk-request")]
    if not any(name.lower() == "host" for name, _ in lines):
        lines.append(["Host", target.netloc])
    request = {
        "by": by,
        "now": now.strftime("%Y%m%dT%H%M%SZ"),
        "method": method,
        "path": target.path,
        "query": target.query,
        "headers": lines,
        "body": body.decode() if isinstance(body, bytes) else body or "",
    }
    print(json.dumps(request, ensure_ascii=False))


def by_boto3():
    def catch(request, **_):
        show("boto3", request.method, request.url, request.headers, request.body)
        return AWSResponse(request.url, 200, {"content-type": "application/json"}, Raw())

    class Raw:
        def stream(self, **_):
            yield b"{}"

        def read(self, *_):
            return b""

    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": REGION, "endpoint_url": ENDPOINT}
    data, control = boto3.client("bedrock-agentcore", **keys), boto3.client("bedrock-agentcore-control", **keys)
    for client in (data, control):
        client.meta.events.register("before-send", catch)

    data.invoke_agent_runtime(agentRuntimeArn=ARN, runtimeSessionId=SESSION, payload=b'{"prompt": "hello"}')
    data.invoke_agent_runtime(
        agentRuntimeArn=ARN,
        runtimeSessionId=SESSION,
        runtimeUserId="josé  and 名前",
        qualifier="DEFAULT",
        contentType="application/json",
        accept="text/event-stream, application/json",
        mcpSessionId="mcp-1",
        mcpProtocolVersion="2025-06-18",
        traceId="Root=1-5759e988-bd862e3fe1be46a994272793",
        traceParent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        baggage="a=b",
        payload='{"prompt": "où ça, 名前?"}'.encode(),
    )
    data.invoke_agent_runtime(
        agentRuntimeArn="echo-0123456789", accountId="000000000000", runtimeSessionId=SESSION, payload=b""
    )
    data.stop_runtime_session(agentRuntimeArn=ARN, runtimeSessionId=SESSION, qualifier="DEFAULT", clientToken="t" * 33)
    data.get_agent_card(agentRuntimeArn=ARN, runtimeSessionId=SESSION)
    control.list_agent_runtimes(maxResults=7, nextToken="a+b/c== d&e=f%20~*")
    control.list_agent_runtime_versions(agentRuntimeId="echo-0123456789")
    control.get_agent_runtime(agentRuntimeId="echo-0123456789", agentRuntimeVersion="3")
    control.delete_agent_runtime(agentRuntimeId="echo-0123456789", clientToken="t" * 33)
    control.create_agent_runtime(
        agentRuntimeName="echo",
        agentRuntimeArtifact={"containerConfiguration": {"containerUri": "oci://example/echo:1"}},
        roleArn="arn:aws:iam::000000000000:role/kellion",
        networkConfiguration={"networkMode": "PUBLIC"},
        clientToken="t" * 33,
    )
    control.tag_resource(resourceArn=ARN, tags={"team": "näive + sons"})
    control.untag_resource(resourceArn=ARN, tagKeys=["team", "a b", "a+b", "a&b"])
    control.list_tags_for_resource(resourceArn=ARN)


TEXT = string.ascii_letters + string.digits + "-._~ !$&'()*+,;=:@/?%#[]{}|\"<>^`\\éß名🦀"


def text(most):
    return "".join(chance.choice(TEXT) for _ in range(chance.randrange(most)))


def awkward_url():
    segments = []
    for _ in range(chance.randrange(6)):
        segments.append(chance.choice([quote(text(8), safe=""), quote(text(8), safe="!$&'()*+,;=:@"), "", ".", "..", "%2E%2E"]))
    path = "/" + "/".join(segments) + chance.choice(["", "/"])
    pairs = []
    for _ in range(chance.randrange(5)):
        name = quote(chance.choice([text(5), "a", "A"]), safe="")
        pairs.append(name + chance.choice(["", "=" + quote(text(8), safe=""), "=" + quote(text(8), safe="+*!'():@/")]))
    return ENDPOINT + path + ("?" + "&".join(pairs) if pairs else "")


def by_botocore():
    for _ in range(60):
        body = text(40).encode()
        request = AWSRequest(method=chance.choice(["GET", "POST", "PUT", "DELETE"]), url=awkward_url(), data=body)
        for name in ("X-Amzn-Bedrock-AgentCore-Runtime-Session-Id", "Mcp-Name", "Content-Type", "x-custom", "x-custom"):
            if chance.randrange(2):
                request.headers[name] = chance.choice(["", "  ", "a"]) + text(9).replace("#", "  ") + chance.choice(["", "\tb  "])
        if chance.randrange(3) == 0:
            request.headers["X-Amz-Content-SHA256"] = SigV4Auth.payload(auth, request)
        if chance.randrange(5) == 0:
            request.headers["Date"] = "now"
        if chance.randrange(3) == 0:
            request.headers["X-Amzn-Trace-Id"] = "not signed"
        auth.add_auth(request)
        show("botocore", request.method, request.url, request.headers, body)


auth = SigV4Auth(Credentials(KEY, SECRET), SERVICE, REGION)
by_boto3()
by_botocore()
