"""Every constraint of the service models inside the installed botocore, tried on a server.

usage: conformance.py ENDPOINT ARN

For each operation that is served and each constraint on each member of its input, however deep, one request that keeps it
and one that breaks it. What breaks it has to be refused by name; what keeps it may be refused for any other reason, such as
that there is no such agent. The ARN is of an agent that answers whatever it is sent. Prints the counts as JSON.
"""

import json
import socket
import sys
import time
import urllib.parse
from dataclasses import dataclass
from re import fullmatch
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.httpsession import URLLib3Session
from cut_model import OPERATIONS

try:
    from re import _constants as sre
    from re import _parser as patterns
except ImportError:  # Python 3.10
    import sre_constants as sre
    import sre_parse as patterns

_, ENDPOINT, ARN = sys.argv

# What the server takes although the models do not, by shape and constraint. All of it is tried: the list stays true.
WIDER = {
    ("RuntimeContainerUri", "pattern"): "an agent comes from any registry, not from Amazon's alone",
    ("AgentManagedRuntimeType", "enum"): "what runs is a component, whatever its source was written in",
}

# What the server may refuse although the models do not, in words of its own, by the members that it then names.
NARROWER = {
    "agentRuntimeArtifact": "bucket and key together are a reference, which is bounded",
    "authorizerConfiguration": "an issuer has to be one that this server can ask",
    "lifecycleConfiguration": "the idle time is not longer than the lifetime, as at AWS",
    "nextToken": "a token is one that the list gave",
    "resourceArn": "only agents and their endpoints can have tags",
}

# What is refused whatever is asked, without naming a member: the agent is none of A2A's, and no session has a shell.
NEVER = ("GetAgentCard", "InvokeAgentRuntimeCommand")

# What no request can break, and is not tried: that a parameter of the path is there and not empty, for that is another path;
# that a payload is there, for an empty body is an empty one; and its size, which has a test of its own. A body that should be
# an object and is not is no request at all, and has its own reason.

AGENT = ARN.rpartition("/")[2]
NOBODY = "nobody-0123456789"
# Members whose value decides what happens: nothing is made, changed or deleted.
GIVEN = {
    "agentRuntimeName": AGENT.rpartition("-")[0],
    "agentRuntimeId": NOBODY,
    "agentRuntimeArn": ARN,
    "resourceArn": ARN.replace(AGENT, NOBODY),
    "runtimeSessionId": "conformance-" + "0" * 30,
    "payload": b"{}",
}

WORDS = "failed to satisfy constraint"
MODELS = {
    service: boto3.client(
        service,
        endpoint_url=ENDPOINT,
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=120),
    )
    for service, _ in OPERATIONS
}
plain = URLLib3Session(socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])


# Texts of patterns.


def inside(members, character):
    found = False
    for kind, value in members:
        if kind is sre.LITERAL:
            found |= ord(character) == value
        elif kind is sre.RANGE:
            found |= value[0] <= ord(character) <= value[1]
        elif kind is sre.CATEGORY:
            found |= {
                sre.CATEGORY_DIGIT: character.isdigit(),
                sre.CATEGORY_SPACE: character.isspace(),
                sre.CATEGORY_NOT_SPACE: not character.isspace(),
            }[value]
    return found != (members[0][0] is sre.NEGATE)


def grown(items, spare):
    """A text of the pattern, up to so many characters longer than its shortest; and how many were not used."""
    text = ""
    for kind, value in items:
        if kind is sre.LITERAL:
            text += chr(value)
        elif kind in (sre.ANY, sre.NOT_LITERAL):
            text += next(c for c in "ab" if ord(c) != value)
        elif kind is sre.IN:
            text += next(c for c in "a0A-/" + "".join(map(chr, range(33, 127))) if inside(value, c))
        elif kind is sre.SUBPATTERN:
            more, spare = grown(value[-1], spare)
            text += more
        elif kind is sre.BRANCH:
            more, spare = grown(value[1][0], spare)
            text += more
        elif kind is sre.MAX_REPEAT:
            least, most, part = value
            width = part.getwidth()[0]
            count = 0
            while count < least or (count < most and 0 < width <= spare):
                more, spare = grown(part, spare if count < least else spare - width)
                text += more
                count += 1
        else:
            raise NotImplementedError(kind)
    return text, spare


def text_of(shape, length=0):
    """A valid text, of this length if the pattern has one so long."""
    pattern, least = shape.metadata.get("pattern"), shape.metadata.get("min", 0)
    if shape.metadata.get("enum"):
        return shape.metadata["enum"][-1]
    if not pattern:
        return "a" * max(length, least, 1)
    tree, wanted = patterns.parse(pattern), max(length, least, 1)
    shortest, _ = grown(tree, 0)
    text, _ = grown(tree, wanted - len(shortest))
    assert fullmatch(pattern, text), f"{text!r} is not of {pattern}"
    return text


def not_of(shape):
    """A text that breaks the pattern and nothing else."""
    length = max(shape.metadata.get("min", 0), 1)
    return next(c * length for c in "! é" if not fullmatch(shape.metadata["pattern"], c * length))


# Values of shapes.


def valid(shape):
    kind = shape.type_name
    if kind == "structure":
        members = list(shape.members)[:1] if shape.is_tagged_union else shape.required_members
        return {member: valid(shape.members[member]) for member in members}
    if kind == "list":
        return [valid(shape.member)] * max(shape.metadata.get("min", 0), 1)
    if kind == "map":
        return entries(shape, 1)
    return {
        "string": lambda: text_of(shape),
        "integer": lambda: shape.metadata.get("min", 1),
        "boolean": lambda: True,
        "blob": lambda: b"{}",
    }[kind]()


def entries(shape, count):
    key = text_of(shape.key)
    return {f"{key}{number}": valid(shape.value) for number in range(count)}


WRONG = {"structure": "text", "list": {}, "map": [], "string": 5, "integer": "many", "boolean": "true"}


@dataclass
class Case:
    name: str
    constraint: str
    shape: str
    kept: Any
    broken: Any = None
    raw: bool = False


def of_length(shape, name, put, place):
    """Least and most of a number, a length or a count."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    make = {
        "string": lambda length: text_of(shape, length),
        "integer": lambda number: number,
        "list": lambda count: [valid(shape.member)] * count,
        "map": lambda count: entries(shape, count),
    }[shape.type_name]
    wrong = (lambda length: "a" * length) if shape.type_name == "string" else make
    if least is not None and (least > 0 or shape.type_name == "integer"):
        if not (place == "uri" and least == 1):
            # An empty list of the query is none, and an empty header is not sent by everybody.
            yield Case(name, "min", shape.name, put(make(least)), put(wrong(least - 1)), raw=least == 1)
    if most is not None:
        yield Case(name, "max", shape.name, put(make(most)), put(wrong(most + 1)))


def cases(shape, name, put, place, told=None):
    """The cases of a value: `put` makes a whole input of it, and the server names it `told`."""
    told = told or name
    kind = shape.type_name
    if place == "body" or kind == "integer":
        yield Case(told, "type", shape.name, put(valid(shape)), put(WRONG[kind]), raw=True)
    if kind in ("string", "integer", "list", "map"):
        yield from of_length(shape, told, put, place)
    if kind == "string":
        if "pattern" in shape.metadata:
            yield Case(told, "pattern", shape.name, put(text_of(shape)), put(not_of(shape)))
        for value in shape.metadata.get("enum", []):
            yield Case(told, "enum", shape.name, put(value), put(f"NOT_{value}"))
    elif kind == "structure":
        yield from of_structure(shape, name, put)
    elif kind == "list":
        element = shape.member
        within = name if element.type_name in ("string", "integer", "boolean") else f"{name}.1.member"
        yield from cases(element, within, lambda value: put([value]), place)
    elif kind == "map":
        yield from cases(shape.key, name, lambda key: put({key: valid(shape.value)}), "key")
        yield from cases(shape.value, name, lambda value: put({text_of(shape.key): value}), place)


def of_structure(shape, name, put):
    union = shape.is_tagged_union
    whole = valid(shape)
    yield Case(name, "unknown", shape.name, put({**whole, "unknownToAll": 1}), raw=True)
    if union:
        yield Case(name, "union of none", shape.name, put(whole), put({}))
        both = {member: valid(of) for member, of in list(shape.members.items())[:2]}
        if len(both) == 2:
            yield Case(name, "union of two", shape.name, put(whole), put(both))
    for member, of in shape.members.items():
        inner = f"{name}.{member}"
        rest = {} if union else whole
        if member in shape.required_members:
            less = {key: value for key, value in whole.items() if key != member}
            yield Case(inner, "required", shape.name, put(whole), put(less))
            yield Case(inner, "null", shape.name, put(whole), put({**whole, member: None}), raw=True)
        yield from cases(of, inner, lambda value, m=member, r=rest: put({**r, m: value}), "body")


def of_operation(shape):
    whole = {member: GIVEN.get(member, valid(of)) for member, of in shape.members.items() if member in shape.required_members}
    if "runtimeSessionId" in shape.members:
        whole["runtimeSessionId"] = GIVEN["runtimeSessionId"]
    if any("location" not in of.serialization for of in shape.members.values()) and "payload" not in shape.serialization:
        yield Case("", "unknown", shape.name, {**whole, "unknownToAll": 1}, raw=True)
    for member, of in shape.members.items():
        place = of.serialization.get("location", "body")
        if of.type_name == "blob":
            continue
        if shape.serialization.get("payload") == member:
            place = "document"
        if member in shape.required_members and place not in ("uri", "document"):
            less = {key: value for key, value in whole.items() if key != member}
            yield Case(member, "required", shape.name, whole, less)
        yield from cases(of, member, lambda value, m=member: {**whole, m: value}, place)


# Requests and their answers.


@dataclass
class Answer:
    code: str = ""
    reason: str = ""
    fields: Any = ()


def by_boto3(client, operation, params):
    try:
        # The client fills a token for the call into what it is given, and the next call is another.
        answer = client._make_api_call(operation, dict(params))
    except ClientError as error:
        told = error.response
        return Answer(told["Error"]["Code"], told.get("reason", ""), told.get("fieldList", ()))
    for stream in ("response", "stream"):
        if stream in answer:
            answer[stream].close()
    return Answer()


def by_hand(client, operation, params):
    """What no client of AWS would send, signed as they sign."""
    model = client.meta.service_model.operation_model(operation)
    path, query, headers, body = model.http["requestUri"], [], {}, {}
    payload = model.input_shape.serialization.get("payload")
    for member, value in params.items():
        of = model.input_shape.members.get(member)
        place = of.serialization.get("location") if of else None
        called = of.serialization.get("name", member) if of else member
        if place == "uri":
            path = path.replace(f"{{{called}}}", urllib.parse.quote(value, safe=""))
        elif place == "querystring":
            query += [(called, one) for one in (value if isinstance(value, list) else [value])]
        elif place == "header":
            headers[called] = value
        elif member == payload:
            body = value
        else:
            body[member] = value
    if query:
        path += "?" + urllib.parse.urlencode(query)
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = AWSRequest(model.http["method"], ENDPOINT + path, headers=headers, data=body)
    SigV4Auth(Credentials("local", "local"), "bedrock-agentcore", "us-west-2").add_auth(request)
    answer = plain.send(request.prepare())
    if answer.status_code < 300:
        return Answer()
    told = json.loads(answer.content)
    return Answer(answer.headers["x-amzn-errortype"], told.get("reason", ""), told.get("fieldList", ()))


def ask(client, operation, params, raw):
    for _ in range(600):
        try:
            answer = (by_hand if raw else by_boto3)(client, operation, params)
        except ConnectionClosedError:
            # An idle connection that the server has just given up.
            continue
        if answer.code != "ThrottlingException":
            return answer
        time.sleep(0.1)
    raise AssertionError("the server throttles without end")


def is_taken(operation, answer):
    """Whether nothing in the words of the models was held against a request."""
    if operation in NEVER and not answer.fields:
        return answer.reason == "FieldValidationFailed"
    own = [field for field in answer.fields if WORDS not in field["message"] and any(field["name"].startswith(n) for n in NARROWER)]
    return answer.code != "ValidationException" or (own and len(own) == len(answer.fields))


def is_refused(answer, name):
    fields = [field["name"] for field in answer.fields if WORDS in field["message"]]
    return answer.code == "ValidationException" and answer.reason == "FieldValidationFailed" and name in fields


deviations, counts, unserved = [], {}, []
requests = 0
for (service, _), operations in OPERATIONS.items():
    client = MODELS[service]
    for operation in operations:
        shape = client.meta.service_model.operation_model(operation).input_shape
        for case in of_operation(shape):
            wider = (case.shape, case.constraint) in WIDER
            answer = ask(client, operation, case.kept, case.raw)
            requests += 1
            if answer.code == "UnknownOperationException":
                unserved.append(operation)
                break
            if not is_taken(operation, answer) or answer.code in ("InternalServerException", "Unknown"):
                deviations.append((operation, case, "kept", answer))
            if case.broken is not None:
                answer = ask(client, operation, case.broken, case.raw)
                requests += 1
                if not (is_taken(operation, answer) if wider else is_refused(answer, case.name)):
                    deviations.append((operation, case, "broken", answer))
            counts[operation] = counts.get(operation, 0) + 1

for operation, case, which, answer in deviations[:10]:
    sent = repr(case.kept if which == "kept" else case.broken)
    print(f"{operation}: {case.name}: {case.constraint}: {which}: {answer}\n    {sent[:400]}", file=sys.stderr)
print(json.dumps({"constraints": sum(counts.values()), "requests": requests, "operations": counts, "unserved": unserved}))
sys.exit(f"{len(deviations)} deviations" if deviations else 0)
