"""Cuts what the server validates against out of the service models inside an installed botocore.

usage: cut_model.py

Run it by hand, from the root of the repository, when the server learns an operation or boto3 is moved to a newer version:

    .tools/python/bin/python tests/clients/cut_model.py

It writes host/src/api/agentcore/model/service.json: of the operations that are served, the shapes that their inputs are
made of, one a line, without documentation. The difference that it makes is for a person to read.
"""

import json
from pathlib import Path

from botocore.loaders import Loader

TABLE = Path("host/src/api/agentcore/model/service.json")

OPERATIONS = {
    ("bedrock-agentcore", "2024-02-28"): [
        "GetAgentCard",
        "InvokeAgentRuntime",
        "InvokeAgentRuntimeCommand",
        "StopRuntimeSession",
    ],
    ("bedrock-agentcore-control", "2023-06-05"): [
        "CreateAgentRuntime",
        "CreateAgentRuntimeEndpoint",
        "DeleteAgentRuntime",
        "DeleteAgentRuntimeEndpoint",
        "GetAgentRuntime",
        "GetAgentRuntimeEndpoint",
        "ListAgentRuntimeEndpoints",
        "ListAgentRuntimeVersions",
        "ListAgentRuntimes",
        "ListTagsForResource",
        "TagResource",
        "UntagResource",
        "UpdateAgentRuntime",
        "UpdateAgentRuntimeEndpoint",
    ],
}

# What a server has to know of a shape, and of a member's place in a request.
OF_A_SHAPE = ["type", "required", "union", "payload", "min", "max", "pattern", "enum", "sensitive"]
OF_A_MEMBER = ["shape", "location", "locationName"]


def only(names, of):
    return {name: of[name] for name in names if name in of}


def cut(shape):
    """The shape without its documentation, and the names of those that it is made of."""
    kept = only(OF_A_SHAPE, shape)
    parts = {name: only(OF_A_MEMBER, shape[name]) for name in ("member", "key", "value") if name in shape}
    kept.update(parts)
    members = list(parts.values())
    if shape["type"] == "structure":
        kept["members"] = {name: only(OF_A_MEMBER, member) for name, member in shape["members"].items()}
        members = list(kept["members"].values())
    return kept, [member["shape"] for member in members]


def reachable(model, roots):
    shapes, waiting = {}, list(roots)
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name], more = cut(model["shapes"][name])
            waiting.extend(more)
    return shapes


def lines(members):
    """One member a line."""
    return "{\n" + ",\n".join(f"{json.dumps(name)}:{compact(member)}" for name, member in sorted(members.items())) + "\n}"


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def main():
    services = []
    for (service, version), names in OPERATIONS.items():
        model = Loader().load_service_model(service, "service-2", version)
        operations = {}
        for name in names:
            operation = model["operations"][name]
            operations[name] = {
                "method": operation["http"]["method"],
                "uri": operation["http"]["requestUri"],
                "input": operation["input"]["shape"],
            }
        shapes = reachable(model, [operation["input"] for operation in operations.values()])
        services.append(
            f'{{"service":{json.dumps(service)},"version":{json.dumps(version)},\n'
            f'"operations":{lines(operations)},\n"shapes":{lines(shapes)}}}'
        )
    TABLE.write_text("[\n" + ",\n".join(services) + "\n]\n")
    print(TABLE)


if __name__ == "__main__":
    main()
