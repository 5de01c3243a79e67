import asyncio

import pytest

from kellion import Agent, AgentFailure, loop, model, tool
from kellion.testing import Script


@tool
def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


def test_tools_run_until_the_model_has_answered():
    agent = Agent("any", system="Be brief.", tools=[add], temperature=0.5)
    with Script().calls("add", a=2, b=3).says("It is 5.") as script:
        reply = agent("2 + 3?")

    assert str(reply) == "It is 5."
    assert (reply.rounds, reply.usage.input_tokens, reply.stop_reason) == (2, 20, "end_turn")
    first, second = script.requests
    assert first.system == [model.Text("Be brief.")]
    assert first.temperature == 0.5
    assert first.tools == [add.spec]
    assert second.messages[-1] == model.Message("user", [model.ToolResult("call-1", [model.Text("5")])])


def test_the_conversation_goes_on():
    agent = Agent("any")
    with Script().says("one").says("two") as script:
        agent("first")
        agent("second")
    assert [message.text for message in script.requests[1].messages] == ["first", "one", "second"]


def test_text_is_streamed_over_all_rounds():
    agent = Agent("any", tools=[add])
    with Script().calls("add", a=1, b=1).says("It is two."):
        stream = agent.stream("1 + 1?")
        assert list(stream) == ["It ", "is ", "two."]
    assert stream.reply is not None
    assert stream.reply.text == "It is two."


def test_text_is_streamed_to_asynchronous_code():
    agent = Agent("any")

    async def gather() -> list[str]:
        return [piece async for piece in agent.stream("?")]

    with Script().says("a b"):
        assert loop.run(gather()) == ["a ", "b"]


def test_an_error_leaves_the_conversation_as_it_was():
    agent = Agent("any", tools=[add])
    with Script().calls("add", a=1, b=1).fails(model.Error("throttled", "slow down", 2.0)).says("hello"):
        with pytest.raises(model.Error, match="the model is throttled: slow down"):
            agent("?")
        assert agent.messages == []
        assert agent("!").text == "hello"


def test_a_stream_that_is_left_early_is_no_part_of_the_conversation():
    agent = Agent("any")
    with Script().says("one two"):
        stream = agent.stream("?")
        next(stream)
        stream.close()
    assert agent.messages == []


def test_a_tool_that_is_not_there_is_told_to_the_model():
    agent = Agent("any", tools=[add])
    with Script().calls("minus").says("sorry") as script:
        agent("?")
    result = script.requests[1].messages[-1].content[0]
    assert result == model.ToolResult(
        "call-1", [model.Text("there is no tool `minus`; the tools are: add")], is_error=True
    )


def test_a_model_in_circles_is_stopped():
    agent = Agent("any", tools=[add], max_rounds=2)
    with Script().calls("add", a=1, b=1).calls("add", a=1, b=1):
        with pytest.raises(AgentFailure, match="not answered after 2 rounds"):
            agent("?")
    assert agent.messages == []


def test_a_call_that_was_cut_is_not_remembered():
    cut = model.Response([model.ToolUse("1", "add", "{")], "max_tokens")
    agent = Agent("any", tools=[add])
    with Script().answers(cut):
        with pytest.raises(AgentFailure, match="in the middle of a tool call"):
            agent("?")
    assert agent.messages == []


def test_an_agent_asks_from_asynchronous_code_with_asynchronous_tools():
    @tool
    async def slow(n: int) -> int:
        await asyncio.sleep(0)
        return n

    agent = Agent("any", tools=[slow])

    async def turn() -> str:
        text = agent("?").text
        await asyncio.sleep(0)
        return text

    with Script().calls("slow", n=1).says("done"):
        assert loop.run(turn()) == "done"


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two tools with the name add"):
        Agent("any", tools=[add, add])
