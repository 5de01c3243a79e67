"""Functions that a model may call. ::

    @tool
    def track(number: str, carrier: Literal["post", "courier"] = "post") -> str:
        \"\"\"Tells where a parcel is.

        Args:
            number: The number on the parcel, such as "KE-1234".
            carrier: Who brings it.
        \"\"\"
        return f"{number} is on its way"

The model reads the docstring; types and defaults become the schema of the input.
"""

import inspect
import typing
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, overload

from . import _decode, _docstring, _json, _schema, loop
from .errors import describe
from .model import Document, Image, Json, Text, ToolOutput, ToolResult, ToolSpec, ToolUse, Video
from .model.content import or_placeholder

P = ParamSpec("P")
R = TypeVar("R")

__all__ = ["Tool", "tool"]


class Tool(Generic[P, R]):
    """A function with the declaration that tells a model about it. It can be called like the function."""

    def __init__(self, function: Callable[P, R], name: str | None = None, description: str | None = None) -> None:
        self.function = function
        doc = _docstring.read(function)
        hints = typing.get_type_hints(function, include_extras=True)
        self._hints: dict[str, Any] = {}
        self._required: set[str] = set()
        properties: dict[str, Any] = {}
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
                raise TypeError(
                    f"the tool {function.__name__} takes {parameter}: a model passes arguments by name only, "
                    "so each has to be a parameter that has a name of its own"
                )
            hint = hints.get(parameter.name, Any)
            schema = _schema.of(hint)
            if parameter.name in doc.parameters:
                schema["description"] = doc.parameters[parameter.name]
            if parameter.default is parameter.empty:
                self._required.add(parameter.name)
            elif parameter.default is not None:
                schema["default"] = _json.loads(_json.dumps(parameter.default))
            self._hints[parameter.name] = hint
            properties[parameter.name] = schema
        input_schema: dict[str, Any] = {"type": "object", "properties": properties}
        if self._required:
            input_schema["required"] = [name for name in properties if name in self._required]
        self.spec = ToolSpec(name or function.__name__, description or doc.summary or None, input_schema)
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    @property
    def name(self) -> str:
        """What the model calls it."""
        return self.spec.name

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def run(self, use: ToolUse) -> ToolResult:
        """Runs the function on an input that a model wrote.

        An error becomes a result that is marked as one, and so does an input that does not fit: the model reads it and
        may mend its call.
        """
        try:
            arguments = _decode.members(self._hints, self._required, use.input)
        except _decode.Misfit as misfit:
            return failure(use, f"input does not fit: {misfit}")
        try:
            output: Any = self.function(**arguments)  # type: ignore[call-arg]
            if inspect.isawaitable(output):
                output = loop.run(_whole(output))
            return ToolResult(use.id, _outputs(output))
        except Exception as error:
            return failure(use, describe(error))


def failure(use: ToolUse, message: str) -> ToolResult:
    """The result of a call that failed, for the model to read."""
    return ToolResult(use.id, [Text(or_placeholder(message))], is_error=True)


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(*, name: str | None = None, description: str | None = None) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(function: Any = None, /, *, name: str | None = None, description: str | None = None) -> Any:
    """Makes a tool of a function, also of an asynchronous one."""
    if function is None:
        return lambda decorated: Tool(decorated, name, description)
    return Tool(function, name, description)


async def _whole(awaitable: Any) -> Any:
    return await awaitable


def _outputs(output: Any) -> list[ToolOutput]:
    outputs = output if isinstance(output, list) else [output]
    if outputs and all(isinstance(each, Text | Json | Image | Document | Video) for each in outputs):
        return outputs
    if isinstance(output, str):
        return [Text(or_placeholder(output))]
    value = _json.loads(_json.dumps(output))
    if isinstance(value, dict):
        return [Json(value)]
    # Bedrock refuses JSON results that are no objects.
    return [Text(or_placeholder(value if isinstance(value, str) else _json.dumps(value).decode()))]
