import agent
import pytest
from calculator import CalculationError, display, evaluate

from kellion import AgentError, InvalidPayload, model
from kellion.testing import Script, context, invoke


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(agent.agent, "messages", [])


@pytest.mark.parametrize("user_id", [3, "3"])
def test_the_model_hears_name_request_and_session(user_id):
    script = Script().says("Hello Mark, it is sunny.")
    answer = invoke(agent.app, {"user_id": user_id, "prompt": "How is the weather?"}, script=script)
    assert answer.value == "Hello Mark, it is sunny."
    assert script.requests[0].messages == [
        model.user(
            "My name is Mark. Here is my request: How is the weather?. "
            f"This is session {context().session_id}."
        )
    ]


def test_a_sum_goes_through_the_calculator_and_is_remembered():
    script = Script().calls("calculator", expression="2*5").says("10").calls("calculator", expression="10+34").says("44")
    assert invoke(agent.app, {"user_id": 1, "prompt": "How much is 2X5?"}, script=script).value == "10"
    assert invoke(agent.app, {"user_id": 1, "prompt": "and that plus 34?"}, script=script).value == "44"
    result = script.requests[3].messages[-1].content[0]
    assert result == model.ToolResult("call-2", [model.Text("44")])
    assert len(script.requests[3].messages) == 7


@pytest.mark.parametrize("user_id", [6, 0, -1, "Maira"])
def test_a_stranger_is_told_so(user_id):
    script = Script()
    with pytest.raises(AgentError, match=f"^there is no user {user_id}$"):
        invoke(agent.app, {"user_id": user_id, "prompt": "Hi"}, script=script)
    assert script.requests == []


def test_a_payload_that_does_not_fit_names_the_field():
    with pytest.raises(InvalidPayload, match="missing field `prompt`"):
        invoke(agent.app, {"user_id": 1})
    with pytest.raises(InvalidPayload, match="`user_id`: expected a whole number or a string, got a list"):
        invoke(agent.app, {"user_id": [1], "prompt": "Hi"})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2*5", "10"),
        ("(2 + 3.5) * 4", "22"),
        ("2^3^2", "512"),
        ("-2^2", "-4"),
        ("0.1 + 0.2", "0.3"),
        ("1/3", "0.333333333333333"),
        ("0 * -1", "0"),
    ],
)
def test_sums_have_the_usual_precedence(expression, value):
    assert display(evaluate(expression)) == value


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "the expression ends too soon"),
        ("2 +", "the expression ends too soon"),
        ("2 x 3", "unexpected `x` at position 3"),
        ("1.2.3", "`1.2.3` at position 1 is not a number"),
        ("1/0", "division by zero"),
        ("0^-1", "division by zero"),
        ("9^9^9^9", "the result is too large or not a real number"),
        ("(-1)^0.5", "the result is too large or not a real number"),
        ("(" * 100, "nested more than 64 deep"),
    ],
)
def test_what_has_no_value_says_why(expression, problem):
    with pytest.raises(CalculationError) as error:
        evaluate(expression)
    assert str(error.value) == problem
