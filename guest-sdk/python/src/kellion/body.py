"""Bytes as they are, for agents that do not speak JSON."""

from dataclasses import dataclass


@dataclass
class Body:
    """Bytes and their content type, to be returned from an entrypoint.

    An entrypoint that returns plain ``bytes`` answers with ``application/octet-stream``, unless it has set another type.
    """

    data: bytes
    content_type: str | None = None
