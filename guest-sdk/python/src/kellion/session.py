"""What the session has: its configuration, and what it may still spend."""

from dataclasses import dataclass
from typing import overload

from . import _host

__all__ = ["Budget", "config", "remaining"]


@dataclass
class Budget:
    """What may still be spent on models: the tightest of the turn's, the session's, the agent's and the tenant's."""

    tokens: int | None
    """None: no limit."""
    money_micros: int | None
    """Millionths of the account's currency."""


@overload
def config(name: str) -> str | None: ...
@overload
def config(name: str, default: str) -> str: ...
def config(name: str, default: str | None = None) -> str | None:
    """A value of the agent's configuration (AgentCore's environment variables). In a turn, ``os.environ`` has them too."""
    value = _host.current.config(name)
    return default if value is None else value


def remaining() -> Budget:
    """What may still be spent on models."""
    return _host.current.remaining()
