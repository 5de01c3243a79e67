"""How a model call fails."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .answer import Usage

ErrorKind = Literal["denied", "budget_exhausted", "invalid", "context_too_long", "throttled", "timeout", "unavailable"]

_WHAT: dict[ErrorKind, str] = {
    "denied": "the model call is not allowed",
    "budget_exhausted": "the model budget is used up",
    "invalid": "the model request is not valid",
    "context_too_long": "the conversation is too long for the model",
    "throttled": "the model is throttled",
    "timeout": "the model took too long",
    "unavailable": "the model is unavailable",
}


class Error(Exception):
    """A model call that failed."""

    def __init__(
        self, kind: ErrorKind, message: str, retry_after: float | None = None, usage: "Usage | None" = None
    ) -> None:
        super().__init__(kind, message)
        self.kind: ErrorKind = kind
        """What to do about it depends on this."""
        self.message = message
        """The host's or the provider's words."""
        self.retry_after = retry_after
        """In how many seconds another attempt may succeed, if that is known."""
        self.usage = usage
        """What was billed all the same."""

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.kind in ("throttled", "timeout", "unavailable")

    def __str__(self) -> str:
        return f"{_WHAT[self.kind]}: {self.message}"
