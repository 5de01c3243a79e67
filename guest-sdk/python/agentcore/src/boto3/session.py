"""Sessions: a region's name, and clients."""

import os
from types import SimpleNamespace

import botocore.session
from kellion_agentcore.bedrock.client import BedrockRuntime
from kellion_agentcore.errors import refuse

_INSTEAD = (
    "agents hold no AWS credentials and have no network. Models are reached by boto3's bedrock-runtime; "
    "what else the agent needs has to come in its payload"
)


class Absent:
    """A client of a service that a cell cannot reach. It can be made, as modules do while they are loaded, but not used."""

    def __init__(self, service: str, region: str | None):
        self._service = service
        self.meta = SimpleNamespace(region_name=region, events=SimpleNamespace(register=lambda *_, **__: None))

    @property
    def exceptions(self):
        import botocore.exceptions

        return botocore.exceptions

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*_, **__):
            raise refuse(f"the AWS service {self._service!r} (its operation {name})", _INSTEAD)

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
