"""How a turn fails."""

import builtins


class AgentError(Exception):
    """The turn fails, and the caller reads the message."""


class InvalidPayload(AgentError):
    """The payload is not one that this agent takes: the caller's mistake."""


# Their text is made for people; that of other built-in errors ("'prompt'", "division by zero") says little by itself.
_PLAIN = (RuntimeError, ValueError, OSError)
_NOT_PLAIN = (RecursionError, UnicodeError, NotImplementedError)


def describe(error: BaseException) -> str:
    """What a caller reads of an error: its message, with its kind in front where the message alone would be cryptic."""
    try:
        message = str(error)
    except Exception:
        message = ""
    kind = type(error)
    if not message:
        return kind.__name__
    built_in = kind.__module__ == builtins.__name__
    if built_in and (not issubclass(kind, _PLAIN) or issubclass(kind, _NOT_PLAIN)):
        return f"{kind.__name__}: {message}"
    return message
