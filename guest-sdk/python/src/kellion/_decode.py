"""From JSON to a Python type, with errors that say what does not fit and where."""

import collections.abc
import dataclasses
import datetime
import enum
import types
import typing
from typing import Any

from ._schema import has_default, is_typed_dict

_NAMES: dict[Any, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "null",
    list: "a list",
    dict: "an object",
}
_LISTS: dict[Any, Any] = {
    list: list,
    collections.abc.Sequence: list,
    collections.abc.Iterable: list,
    set: set,
    collections.abc.Set: set,
    frozenset: frozenset,
    tuple: tuple,
}
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_DATES: tuple[Any, ...] = (datetime.datetime, datetime.date, datetime.time)


class Misfit(ValueError):
    """A value is not of the type that was wanted."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"`{path}`: {problem}" if path else problem)


def decode(hint: Any, value: Any, path: str = "") -> Any:
    """The value as the type wants it; :class:`Misfit` when it cannot be."""
    if hint is Any or hint is object:
        return value
    if hint in _NAMES and hint not in (list, dict):
        return _plain(hint, value, path)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated or (origin is not None and origin in _REQUIRED):
        return decode(arguments[0], value, path)
    if origin is typing.Literal:
        if any(value == each and type(value) is type(each) for each in arguments):
            return value
        raise Misfit(path, f"expected one of {_list_of(arguments)}, got {_told(value)}")
    if origin in (typing.Union, types.UnionType):
        return _union(arguments, value, path)
    base = origin or hint
    if base in _LISTS:
        return _list(base, arguments, value, path)
    if base in _OBJECTS:
        _expect(dict, value, path)
        if len(arguments) != 2:
            return value
        return {key: decode(arguments[1], each, _inside(path, key)) for key, each in value.items()}
    if isinstance(hint, type):
        return _class(hint, value, path)
    supertype = getattr(hint, "__supertype__", None)
    return value if supertype is None else decode(supertype, value, path)


_REQUIRED = tuple(getattr(typing, name) for name in ("Required", "NotRequired") if hasattr(typing, name))


def _plain(hint: Any, value: Any, path: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    # Models write whole numbers as 2.0.
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if hint is int and isinstance(value, bool):
        raise Misfit(path, f"expected a whole number, got {_told(value)}")
    _expect(hint, value, path)
    return value


def _class(hint: type, value: Any, path: str) -> Any:
    if issubclass(hint, enum.Enum):
        for member in hint:
            if member.value == value and type(member.value) is type(value):
                return member
        raise Misfit(path, f"expected one of {_list_of([m.value for m in hint])}, got {_told(value)}")
    if hint in _DATES:
        _expect(str, value, path)
        try:
            return hint.fromisoformat(value)  # type: ignore[attr-defined]
        except ValueError as error:
            raise Misfit(path, str(error)) from None
    if dataclasses.is_dataclass(hint):
        fields = [field for field in dataclasses.fields(hint) if field.init]
        required = {field.name for field in fields if not has_default(field)}
        hints = typing.get_type_hints(hint, include_extras=True)
        return hint(**members({field.name: hints[field.name] for field in fields}, required, value, path))
    if is_typed_dict(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        known = members(hints, set(hint.__required_keys__), value, path)  # type: ignore[attr-defined]
        return {**value, **known}
    validate = getattr(hint, "model_validate", None)
    if callable(validate):
        try:
            return validate(value)
        except ValueError as error:
            raise Misfit(path, str(error)) from None
    return value


def members(hints: dict[str, Any], required: set[str], value: Any, path: str = "") -> dict[str, Any]:
    """The members of an object, each as its type wants it. Others than those are left out."""
    _expect(dict, value, path)
    for name in hints:
        if name in required and name not in value:
            raise Misfit(path, f"missing field `{name}`")
    return {name: decode(hint, value[name], _inside(path, name)) for name, hint in hints.items() if name in value}


def _union(arguments: tuple[Any, ...], value: Any, path: str) -> Any:
    misfits = []
    # An exact fit comes before one that converts: 1 stays an int where int and float may be.
    for hint in sorted(arguments, key=lambda each: each is not type(value)):
        try:
            return decode(hint, value, path)
        except Misfit as misfit:
            misfits.append(misfit)
    present = [misfit for hint, misfit in zip(arguments, misfits, strict=False) if hint is not type(None)]
    if len(arguments) == 2 and type(None) in arguments and len(present) == 1:
        raise present[0]
    wanted = " or ".join(_NAMES.get(each, getattr(each, "__name__", str(each))) for each in arguments)
    raise Misfit(path, f"expected {wanted}, got {_told(value)}")


def _list(base: Any, arguments: tuple[Any, ...], value: Any, path: str) -> Any:
    _expect(list, value, path)
    if base is tuple and arguments and arguments[-1] is not Ellipsis:
        if len(value) != len(arguments):
            raise Misfit(path, f"expected {len(arguments)} items, got {len(value)}")
        return tuple(decode(arguments[at], each, f"{path}[{at}]") for at, each in enumerate(value))
    item = arguments[0] if arguments else Any
    return _LISTS[base](decode(item, each, f"{path}[{at}]") for at, each in enumerate(value))


def _expect(kind: Any, value: Any, path: str) -> None:
    if not isinstance(value, kind):
        raise Misfit(path, f"expected {_NAMES[kind]}, got {_told(value)}")


def _told(value: Any) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool) and len(str(value)) <= 40:
        return repr(value)
    return _NAMES.get(type(value), type(value).__name__) if not isinstance(value, bool) else str(value).lower()


def _list_of(values: typing.Iterable[Any]) -> str:
    return ", ".join(repr(value) for value in values)


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
