import dataclasses
import enum
from typing import Annotated, Any, Literal, Optional, TypedDict

import pytest

from kellion import Tool, model, tool


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


@dataclasses.dataclass
class Address:
    street: str
    number: int = 1


class Parcel(TypedDict, total=False):
    weight: float


@tool
def send(
    to: Address,
    size: Size,
    parcel: Parcel,
    names: list[str],
    counts: dict[str, int],
    how: Literal["post", "courier"] = "post",
    note: Optional[str] = None,
    when: Annotated[str, "A day."] = "today",
    fast: bool | int = False,
) -> str:
    """Sends a parcel.

    It takes a while.

    Args:
        to: Where to,
            with the number.
        how (str): Who brings it.

    Returns:
        A word.
    """
    return f"{to.street} {to.number} {size.name} {parcel} {names} {counts} {how} {note} {when} {fast}"


def run(tool: Tool[..., Any], **arguments: Any) -> model.ToolResult:
    return tool.run(model.ToolUse("1", tool.name, arguments))


def test_the_schema_comes_from_types_defaults_and_docstring():
    assert send.spec.name == "send"
    assert send.spec.description == "Sends a parcel.\n\nIt takes a while."
    assert send.spec.input_schema == {
        "type": "object",
        "properties": {
            "to": {
                "type": "object",
                "properties": {"street": {"type": "string"}, "number": {"type": "integer"}},
                "required": ["street"],
                "description": "Where to, with the number.",
            },
            "size": {"type": "string", "enum": ["s", "l"]},
            "parcel": {"type": "object", "properties": {"weight": {"type": "number"}}},
            "names": {"type": "array", "items": {"type": "string"}},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
            "how": {
                "type": "string",
                "enum": ["post", "courier"],
                "description": "Who brings it.",
                "default": "post",
            },
            "note": {"type": "string"},
            "when": {"type": "string", "description": "A day.", "default": "today"},
            "fast": {"anyOf": [{"type": "boolean"}, {"type": "integer"}], "default": False},
        },
        "required": ["to", "size", "parcel", "names", "counts"],
    }


def test_numpy_and_sphinx_docstrings_are_read_too():
    def numpy(a: int) -> None:
        """Does it.

        Parameters
        ----------
        a : int
            The number.
        """

    def sphinx(a: int) -> None:
        """Does it.

        :param int a: The number.
        :returns: Nothing.
        """

    for function in (numpy, sphinx):
        spec = Tool(function).spec
        assert spec.description == "Does it."
        assert spec.input_schema["properties"]["a"] == {"type": "integer", "description": "The number."}


def test_input_becomes_what_the_function_wants():
    result = run(
        send,
        to={"street": "Way", "number": 2.0},
        size="l",
        parcel={"weight": 1},
        names=["a"],
        counts={"b": 1},
        unknown=1,
    )
    assert not result.is_error
    assert result.content == [model.Text("Way 2 LARGE {'weight': 1.0} ['a'] {'b': 1} post None today False")]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"to": {"number": 1}}, "`to`: missing field `street`"),
        ({"to": {"street": 1}}, "`to.street`: expected a string, got 1"),
        ({"size": "m"}, "`size`: expected one of 's', 'l', got 'm'"),
        ({"names": ["a", 1]}, "`names[1]`: expected a string, got 1"),
        ({"counts": {"a": True}}, "`counts.a`: expected a whole number, got true"),
        ({"how": "boat"}, "`how`: expected one of 'post', 'courier', got 'boat'"),
    ],
)
def test_input_that_does_not_fit_is_told_to_the_model(change, problem):
    good = {"to": {"street": "Way"}, "size": "s", "parcel": {}, "names": [], "counts": {}}
    result = run(send, **{**good, **change})
    assert result.is_error
    assert result.content == [model.Text(f"input does not fit: {problem}")]


def test_a_tool_may_be_asynchronous():
    @tool(name="later", description="Waits.")
    async def wait() -> dict[str, int]:
        return {"done": 1}

    assert wait.spec.description == "Waits."
    assert run(wait) == model.ToolResult("1", [model.Json({"done": 1})])


def test_what_a_tool_raises_is_told_to_the_model():
    @tool
    def divide(by: int) -> float:
        return 1 / by

    result = run(divide, by=0)
    assert result.is_error
    assert result.content == [model.Text("ZeroDivisionError: division by zero")]


def test_outputs_that_are_no_objects_are_texts():
    @tool
    def give(what: Any) -> Any:
        return what

    assert run(give, what=[1, 2]).content == [model.Text("[1, 2]")]
    assert run(give, what="").content == [model.Text("(nothing)")]
    assert run(give, what=None).content == [model.Text("null")]


def test_a_tool_is_called_like_its_function():
    @tool
    def double(n: int) -> int:
        return 2 * n

    assert double(2) == 4


def test_a_tool_with_nameless_parameters_is_refused():
    with pytest.raises(TypeError, match=r"the tool spread takes \*all"):

        @tool
        def spread(*all: int) -> None:
            pass
