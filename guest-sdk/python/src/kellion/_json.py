"""JSON in and out, with bounds where CPython has none that fit a cell."""

import dataclasses
import datetime
import decimal
import enum
import itertools
import json
import re
from collections.abc import Mapping, Set
from pathlib import PurePath
from typing import Any, NoReturn
from uuid import UUID

MAX_DEPTH = 500
"""How deep JSON may nest. Each level takes a piece of the interpreter's stack, and overflowing that ends the instance."""

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_OPEN, _CLOSE = b"[{", b"]}"
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in _OPEN + _CLOSE)
_STEP = {byte: 1 for byte in _OPEN} | {byte: -1 for byte in _CLOSE}


def loads(text: bytes | str) -> Any:
    """The value of a JSON text; ``ValueError`` when it is none, or one that is too deep to read."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if not data.strip():
        raise ValueError("it is empty")
    if _depth(data) > MAX_DEPTH:
        raise ValueError(f"it nests deeper than {MAX_DEPTH} levels")
    try:
        decoded = data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from None
    return json.loads(decoded, parse_constant=_refuse)


def dumps(value: Any) -> bytes:
    """A value as JSON. Dataclasses, enums, sets, dates and the like are written as what one expects."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain).encode()
    except UnicodeEncodeError:
        # Halves of surrogate pairs, which JSON can tell by escapes only.
        return json.dumps(value, allow_nan=False, default=_plain).encode()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


def _depth(data: bytes) -> int:
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return 0
    brackets = _STRING.sub(b"", data).translate(None, _NOT_BRACKETS)
    return max(itertools.accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return list(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | UUID | PurePath):
        return str(value)
    # Models of other packages: pydantic's, and those that follow its habit.
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return dump(mode="json")
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
