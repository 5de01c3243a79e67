"""Sessions: a region's name, and clients."""

import os
from types import SimpleNamespace

import botocore.session
from botocore.exceptions import BotoCoreError
from kellion_agentcore.bedrock.client import BedrockRuntime
from kellion_agentcore.errors import NotInCell, refuse

_INSTEAD = (
    "agents hold no AWS credentials and have no network. Models are reached by boto3's bedrock-runtime; "
    "what else the agent needs has to come in its payload"
)


class ServiceNotInCell(NotInCell, BotoCoreError):
    """A service was asked that a cell does not reach. Whoever catches what botocore raises catches this."""

    def __init__(self, service: str, operation: str):
        RuntimeError.__init__(self, str(refuse(f"the AWS service {service!r} (its operation {operation})", _INSTEAD)))
        self.kwargs = {"service": service, "operation": operation}


class Absent:
    """A client or resource of a service that a cell cannot reach. It can be made, as modules do while they are loaded, but
    not used."""

    def __init__(self, service: str, region: str | None, kind: str = ""):
        self._service = service
        self._kind = kind
        self.meta = SimpleNamespace(
            region_name=region, service_name=service, client=self, events=SimpleNamespace(register=lambda *_, **__: None)
        )

    @property
    def exceptions(self):
        import botocore.exceptions

        return botocore.exceptions

    def get_paginator(self, operation):
        return Absent(self._service, self.meta.region_name, f"{operation}.")

    get_waiter = get_paginator

    def close(self):
        """Nothing is open."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name.startswith("_"):
            raise AttributeError(str(refuse(f"the AWS service {self._service!r} (its client's {name})", _INSTEAD)))
        if name[0].isupper():
            # A table, a bucket, a queue: something to ask later.
            return lambda *_, **__: Absent(self._service, self.meta.region_name, f"{name}.")

        def call(*_, **__):
            raise ServiceNotInCell(self._service, self._kind + name)

        call.__name__ = name
        return call


class Session:
    """As boto3's, without credentials."""

    def __init__(self, *_, region_name=None, profile_name=None, botocore_session=None, **__):
        self._region = region_name
        self.profile_name = profile_name or "default"
        self._session = botocore_session or botocore.session.get_session()
        self.events = SimpleNamespace(register=lambda *_, **__: None)

    @property
    def region_name(self):
        return self._region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")

    def client(self, service_name, region_name=None, **_):
        region = region_name or self.region_name or "us-east-1"
        if service_name == "bedrock-runtime":
            return BedrockRuntime(region)
        return Absent(service_name, region)

    def resource(self, service_name, region_name=None, **_):
        return Absent(service_name, region_name or self.region_name)

    def get_credentials(self):
        return None

    def get_available_services(self):
        return ["bedrock-runtime"]

    def get_available_resources(self):
        return []

    def get_available_regions(self, *_, **__):
        return []
