"""A model, its tools and their conversation."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from . import model as models
from .errors import AgentError
from .model import CachePoint, Content, Guardrail, Message, Request, Response, StopReason, Text, ToolUse, Usage
from .model.content import as_content, storable
from .tools import Tool, failure

MAX_ROUNDS = 20
"""How often a model is asked in one turn, unless the agent says otherwise. Each round pays for the whole conversation."""

Prompt = str | Content | Iterable[str | Content]
"""A text, or any content: images and documents beside the text."""


class AgentFailure(AgentError):
    """The model went in circles, or was stopped in the middle of a tool call."""


@dataclass
class Reply:
    """What an agent says at the end of a turn. ``str(reply)`` is its text."""

    text: str
    """The final answer's text."""
    stop_reason: StopReason
    """Why the model stopped; "max_tokens" means that the text is cut."""
    usage: Usage
    """Of all rounds together."""
    rounds: int
    """How often the model was asked."""

    def __str__(self) -> str:
        return self.text


class ReplyStream(Iterator[str]):
    """An agent's text as it comes: what it says before it calls a tool, as well as its final answer.

    For both ``for`` and ``async for``. Leaving it early takes the turn out of the conversation.
    """

    def __init__(self, pieces: Generator[str, None, Reply]) -> None:
        self._pieces = pieces
        self.reply: Reply | None = None
        """The whole, once the stream has come to its end."""

    def __iter__(self) -> "ReplyStream":
        return self

    def __next__(self) -> str:
        try:
            return next(self._pieces)
        except StopIteration as end:
            if isinstance(end.value, Reply):
                self.reply = end.value
            raise StopIteration from None

    def __aiter__(self) -> "ReplyStream":
        return self

    async def __anext__(self) -> str:
        try:
            return self.__next__()
        except StopIteration:
            raise StopAsyncIteration from None

    def close(self) -> None:
        """Ends it, if it is not over."""
        self._pieces.close()


class Agent:
    """A model with a system prompt and tools, that remembers what was said.

    Made at a module's top level, its conversation lasts as long as the session. ::

        agent = Agent("us.anthropic.claude-sonnet-4-20250514-v1:0", system="You are a patient teacher.")

        agent("How much is 2 times 5?")
        reply = agent("And that plus 34?")

        for piece in agent.stream("And by half?"):
            ...
    """

    def __init__(
        self,
        model: str,
        *,
        system: str | list[Text | CachePoint] = "",
        tools: Iterable[Tool[..., Any] | Callable[..., Any]] = (),
        max_rounds: int = MAX_ROUNDS,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop_sequences: Iterable[str] = (),
        guardrail: Guardrail | None = None,
        extra: dict[str, Any] | None = None,
        messages: Iterable[Message] = (),
    ) -> None:
        """An agent of a model id, an inference-profile id, or an alias that the operator has set.

        A plain function among the tools is taken as if it were decorated with ``@tool``.
        """
        self.model = model
        self.system: list[Text | CachePoint] = [Text(system)] if isinstance(system, str) and system else list(system)  # type: ignore[arg-type]
        self.tools: dict[str, Tool[..., Any]] = {}
        for each in tools:
            self.add_tool(each)
        self.max_rounds = max_rounds
        self.max_tokens = max_tokens
        self.temperature = temperature
        self.top_p = top_p
        self.stop_sequences = list(stop_sequences)
        self.guardrail = guardrail
        self.extra = extra
        self.messages: list[Message] = list(messages)
        """The conversation, to read, to shorten or to restore. It must begin with the user, take turns, and keep each tool
        result right behind its call, or providers refuse it."""

    def add_tool(self, tool: Tool[..., Any] | Callable[..., Any]) -> None:
        """Gives the model one more function to call."""
        tool = tool if isinstance(tool, Tool) else Tool(tool)
        if tool.name in self.tools:
            raise ValueError(f"there are two tools with the name {tool.name}; give one of them another: @tool(name=…)")
        self.tools[tool.name] = tool

    def __call__(self, prompt: Prompt) -> Reply:
        """Asks the model, runs the tools that it calls, and asks again until it has answered.

        An error leaves the conversation as it was before: the next call works.
        """
        pieces = self._turn(prompt, streaming=False)
        try:
            while True:
                next(pieces)
        except StopIteration as end:
            reply: Reply = end.value
            return reply

    def stream(self, prompt: Prompt) -> ReplyStream:
        """The same, and hands over each piece of the model's text as it comes."""
        return ReplyStream(self._turn(prompt, streaming=True))

    def _turn(self, prompt: Prompt, *, streaming: bool) -> Generator[str, None, Reply]:
        blocks = [prompt] if isinstance(prompt, str) or not isinstance(prompt, Iterable) else prompt
        before = len(self.messages)
        self.messages.append(Message("user", [as_content(block) for block in blocks]))
        try:
            return (yield from self._rounds(streaming))
        except BaseException:
            # Half a turn in the conversation would make every later request invalid.
            del self.messages[before:]
            raise

    def _rounds(self, streaming: bool) -> Generator[str, None, Reply]:
        usage = Usage()
        for done in range(1, self.max_rounds + 1):
            if streaming:
                response = yield from _streamed(self._request())
            else:
                response = models.converse(self._request())
            usage += response.usage
            uses = _tool_uses(response)
            self.messages.append(Message("assistant", storable(response.content)))
            if not uses:
                return Reply(response.text, response.stop_reason, usage, done)
            self.messages.append(Message("user", [self._run(use) for use in uses]))
        raise AgentFailure(f"the model has not answered after {self.max_rounds} rounds of tool calls")

    def _request(self) -> Request:
        return Request(
            self.model,
            list(self.messages),
            self.system,
            self.max_tokens,
            self.temperature,
            self.top_p,
            self.stop_sequences,
            [tool.spec for tool in self.tools.values()],
            None,
            self.guardrail,
            self.extra,
        )

    def _run(self, use: ToolUse) -> Content:
        tool = self.tools.get(use.name)
        if tool is None:
            return failure(use, f"there is no tool `{use.name}`; the tools are: {', '.join(self.tools)}")
        return tool.run(use)


def _streamed(request: Request) -> Generator[str, None, Response]:
    with models.converse_stream(request) as stream:
        yield from stream.text()
        assert stream.response is not None, "text() has come to its end"
        return stream.response


def _tool_uses(response: Response) -> list[ToolUse]:
    """The tools to run before the model goes on; none when it has answered."""
    uses = response.tool_uses
    # Some providers report the end of a turn that calls tools. Otherwise the last call's input may be cut, and a call
    # without a result must not be remembered.
    if uses and response.stop_reason not in ("tool_use", "end_turn", "stop_sequence"):
        raise AgentFailure(f"the model was stopped in the middle of a tool call ({response.stop_reason})")
    return uses
