"""From a Python type to a JSON schema that every provider takes: no references, no titles."""

import collections.abc
import dataclasses
import datetime
import enum
import types
import typing
from typing import Any

Schema = dict[str, Any]

_PLAIN: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_LISTS = (list, set, frozenset, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Set)
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_DATES = {datetime.datetime: "date-time", datetime.date: "date", datetime.time: "time"}


def of(hint: Any) -> Schema:
    """The schema of a type. What has none here may be anything."""
    return _of(hint, ())


def _of(hint: Any, outer: tuple[Any, ...]) -> Schema:
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if hint in _DATES:
        return {"type": "string", "format": _DATES[hint]}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _described(_of(arguments[0], outer), arguments[1:])
    if origin is typing.Literal:
        return _choice(list(arguments))
    if origin in (typing.Union, types.UnionType):
        return _union(arguments, outer)
    if origin in (typing.Required, typing.NotRequired) if hasattr(typing, "Required") else False:
        return _of(arguments[0], outer)
    base = origin or hint
    if base in _LISTS:
        return _list(base, arguments, outer)
    if base in _OBJECTS:
        schema: Schema = {"type": "object"}
        if len(arguments) == 2 and arguments[1] is not Any:
            schema["additionalProperties"] = _of(arguments[1], outer)
        return schema
    if isinstance(hint, type):
        return _class(hint, outer)
    supertype = getattr(hint, "__supertype__", None)
    return _of(supertype, outer) if supertype is not None else {}


def _class(hint: type, outer: tuple[Any, ...]) -> Schema:
    if issubclass(hint, enum.Enum):
        return _choice([member.value for member in hint])
    if hint in outer:
        # It contains itself; one level of it says enough.
        return {"type": "object"}
    outer = (*outer, hint)
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        fields = [field for field in dataclasses.fields(hint) if field.init]
        required = [field.name for field in fields if not has_default(field)]
        return _object({field.name: _of(hints[field.name], outer) for field in fields}, required)
    if is_typed_dict(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        required = [name for name in hints if name in getattr(hint, "__required_keys__", ())]
        return _object({name: _of(each, outer) for name, each in hints.items()}, required)
    schema = getattr(hint, "model_json_schema", None)
    return schema() if callable(schema) else {}


def has_default(field: "dataclasses.Field[Any]") -> bool:
    """Whether a dataclass's field may be left out."""
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def is_typed_dict(hint: type) -> bool:
    """Whether a class is a ``TypedDict``."""
    return issubclass(hint, dict) and hasattr(hint, "__required_keys__")


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema


def _list(base: Any, arguments: tuple[Any, ...], outer: tuple[Any, ...]) -> Schema:
    schema: Schema = {"type": "array"}
    arguments = tuple(each for each in arguments if each is not Ellipsis)
    if len(set(arguments)) == 1:
        schema["items"] = _of(arguments[0], outer)
    if base is tuple and len(arguments) > 1:
        schema["minItems"] = schema["maxItems"] = len(arguments)
    return schema


def _choice(values: list[Any]) -> Schema:
    kinds = {_PLAIN[type(value)] for value in values if type(value) in _PLAIN}
    schema: Schema = {"enum": values}
    return {"type": kinds.pop(), **schema} if len(kinds) == 1 else schema


def _union(arguments: tuple[Any, ...], outer: tuple[Any, ...]) -> Schema:
    cases = [_of(each, outer) for each in arguments if each is not type(None)]
    if len(cases) == 1:
        # That it may be absent is told by its default; few providers know what null means as a type.
        return cases[0]
    return {"anyOf": cases}


def _described(schema: Schema, notes: tuple[Any, ...]) -> Schema:
    for note in notes:
        text = note if isinstance(note, str) else getattr(note, "description", None)
        if isinstance(text, str):
            return {**schema, "description": text}
    return schema
