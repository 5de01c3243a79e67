"""Who calls, in which session, and until when."""

import time
from dataclasses import dataclass, field


@dataclass
class Header:
    """A header of the call."""

    name: str
    """Lower case. Only headers that the agent's configuration allows arrive here."""
    value: str


@dataclass
class Context:
    """What a turn is told."""

    session_id: str
    """The caller's session id. Same id, same memory."""
    request_id: str
    """New for every invocation; also in the answer's headers and in every log line."""
    turn: int
    """1 for the first turn of this session, then 2, 3…"""
    agent_name: str
    agent_version: str
    """"1", "2", "3"…"""
    endpoint: str
    """The endpoint name that was called, such as "DEFAULT"."""
    tenant_id: str
    """The 12-digit account that owns the agent."""
    user_id: str | None = None
    headers: list[Header] = field(default_factory=list)
    content_type: str | None = None
    accept: str | None = None
    deadline_ms: int | None = None
    """Milliseconds since the Unix epoch, by the clock that the agent sees."""
    traceparent: str | None = None
    """W3C trace context, for agents that call on."""

    def header(self, name: str) -> str | None:
        """The first header of that name, in upper or lower case."""
        name = name.lower()
        return next((header.value for header in self.headers if header.name.lower() == name), None)

    def time_left(self) -> float | None:
        """How many seconds this turn may still take; none when it has no deadline, 0 when it is over."""
        if self.deadline_ms is None:
            return None
        return max(0.0, self.deadline_ms / 1000 - time.time())
