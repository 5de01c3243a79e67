"""The body of an answer."""

from kellion_agentcore.bedrock.client import StreamingBody
