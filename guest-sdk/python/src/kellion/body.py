"""Bytes as they are, for agents that do not speak JSON."""

from dataclasses import dataclass


@dataclass
class Body:
    """Bytes and their content type, to be returned from an entrypoint.

    An entrypoint that returns plain ``bytes`` answers with ``application/octet-stream``.
    """

    data: bytes
    content_type: str = "application/octet-stream"
