"""A presigned URL made by botocore: arguments are the endpoint, the agent's ARN, a key, and whether such URLs are allowed."""

import datetime
import hashlib
import sys
import urllib.error
import urllib.parse
import urllib.request
from unittest import mock

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

endpoint, arn, key, secret, allowed = sys.argv[1:]
SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


class Presigner(SigV4QueryAuth):
    """botocore's, which signs a body that it does not see."""

    def __init__(self, body, *arguments):
        super().__init__(*arguments)
        self.digest = hashlib.sha256(body).hexdigest()

    def payload(self, request):
        return self.digest


def presigned(session="s" * 40, body=b"hello", expires=60, age=0):
    url = f"{endpoint}/runtimes/{urllib.parse.quote(arn, safe='')}/invocations?qualifier=DEFAULT"
    headers = {SESSION: session, "Content-Type": "text/plain"}
    request = AWSRequest("POST", url, headers=headers)
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age)
    with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: at.replace(tzinfo=None)):
        Presigner(body, Credentials(key, secret), "bedrock-agentcore", "us-west-2", expires).add_auth(request)
    return request.url


def send(url, session="s" * 40, body=b"hello"):
    headers = {SESSION: session, "Content-Type": "text/plain"}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


status, told = send(presigned())
if allowed == "no":
    assert status == 403 and "not accepted here" in told, (status, told)
    sys.exit()
assert (status, told) == (200, "hello"), (status, told)
for url, more, reason in [
    (presigned(), {"body": b"other"}, "does not match"),
    (presigned(), {"session": "t" * 40}, "does not match"),
    (presigned().replace("DEFAULT", "OTHER"), {}, "does not match"),
    (presigned(age=62), {}, "Signature expired"),
    (presigned(expires=301), {}, "from 1 to 300"),
    (presigned() + "&X-Amz-Expires=60", {}, "twice"),
]:
    status, told = send(url, **more)
    assert status in (400, 403) and reason in told, (url, status, told)
