import dataclasses
import datetime
import enum

import pytest

from kellion import _json


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"[" * 5000 + b"]" * 5000, "it nests deeper than 500 levels"),
        (b'{"a":' * 5000, "it nests deeper than 500 levels"),
        (b"\xff", "it is not UTF-8 at byte 0"),
        (b"NaN", "NaN is no JSON value"),
        (b"[1", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason(text, problem):
    with pytest.raises(ValueError) as error:
        _json.loads(text)
    assert str(error.value) == problem


def test_brackets_in_strings_are_no_levels():
    text = _json.dumps(["[" * 4000, '\\"[' * 1000])
    assert _json.loads(text) == ["[" * 4000, '\\"[' * 1000]


def test_many_brackets_side_by_side_are_no_levels():
    assert len(_json.loads(b"[" + b"[1]," * 2000 + b"[1]]")) == 2001


def test_five_hundred_levels_are_read_and_written():
    text = b"[" * 500 + b"]" * 500
    assert _json.dumps(_json.loads(text)) == text


def test_values_come_back_unchanged():
    value = {"a": [1, 2.5, None, True, "é\u2028😀", 12345678901234567890123, -0.0, 1e-7], "\u0000": "\ud800"}
    assert _json.loads(_json.dumps(value)) == value


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    colour: Colour


def test_dataclasses_enums_dates_and_sets_are_written():
    value = {"point": Point(1, Colour.RED), "day": datetime.date(2025, 3, 1), "set": {3}}
    assert _json.dumps(value) == b'{"point": {"x": 1, "colour": "red"}, "day": "2025-03-01", "set": [3]}'


def test_what_has_no_json_says_so():
    with pytest.raises(TypeError, match="a function cannot be written as JSON"):
        _json.dumps(lambda: None)
    with pytest.raises(ValueError):
        _json.dumps(float("nan"))
