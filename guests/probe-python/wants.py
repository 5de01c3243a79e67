"""Reading a payload."""

from typing import Any

from kellion import InvalidPayload


class Payload:
    """An object whose members are asked for; what is missing or of another type is the caller's mistake."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise InvalidPayload("payload does not fit: expected an object")
        self._value = value

    def any(self, name: str) -> Any:
        """A member of any type."""
        if name not in self._value:
            raise InvalidPayload(f"payload does not fit: missing field `{name}`")
        return self._value[name]

    def text(self, name: str) -> str:
        """A string."""
        value = self.any(name)
        if not isinstance(value, str):
            raise InvalidPayload(f"payload does not fit: `{name}`: expected a string")
        return value

    def number(self, name: str) -> int:
        """A whole number that is not negative."""
        value = self.any(name)
        if not isinstance(value, int) or value < 0:
            raise InvalidPayload(f"payload does not fit: `{name}`: expected a whole number that is not negative")
        return value

    def maybe(self, name: str) -> Any:
        """A member, if it is there."""
        return self._value.get(name)
