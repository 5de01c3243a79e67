"""The type of a stream's events, for `isinstance`."""

from kellion_agentcore.bedrock.stream import EventStream
