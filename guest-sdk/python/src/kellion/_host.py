"""The host's side of the contract: the real one in a cell, a stand-in anywhere else."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .model import Event, Request, Response
    from .session import Budget


class HostStream(Protocol):
    """A response as it is made, at the host."""

    def next(self) -> "Event | None":
        """The next piece; none at the end."""

    def forward(self, framing: str) -> "Response":
        """Sends the text to the caller."""

    def close(self) -> None:
        """Cancels the call."""


class Host(Protocol):
    """What an agent can ask for."""

    def log(self, level: str, message: str) -> None: ...
    def config(self, name: str) -> str | None: ...
    def remaining(self) -> "Budget": ...
    def set_content_type(self, value: str) -> None: ...
    def write(self, chunk: bytes) -> bool: ...
    def converse(self, request: "Request") -> "Response": ...
    def converse_stream(self, request: "Request") -> HostStream: ...
    def count_tokens(self, request: "Request") -> int: ...
    def invoke_model(self, model: str, body: bytes) -> bytes: ...


class _Nobody:
    """Stands where there is no host: while a component is built, and in programs that ask for none."""

    def log(self, level: str, message: str) -> None:
        import sys

        print(f"{level}: {message}", file=sys.__stderr__)

    def config(self, name: str) -> str | None:
        return None

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(
            f"{name} needs a session. Code at a module's top level runs when the component is built, where there is none; "
            "in a unit test, kellion.testing stands in for the host"
        )


current: Host = _Nobody()  # type: ignore[assignment]
"""Who is asked. Set when a turn begins, or by a test."""


def swap(host: Host) -> Host:
    """Puts another in its place, and gives the one that was there."""
    global current
    before, current = current, host
    return before
