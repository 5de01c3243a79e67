"""{{name}}: an agent with a tool and a conversation, that streams its answers."""

import ast
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from kellion import Agent, App, Context, log, tool

app = App()

OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@tool
def get_time() -> str:
    """Tells the current time in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@tool
def calculator(expression: str) -> float:
    """Evaluates an arithmetic expression.

    Args:
        expression: Numbers, + - * / and parentheses, such as "(2 + 3.5) * 4".
    """
    # The model reads what a tool raises, and may mend its call.
    return evaluate(ast.parse(expression, mode="eval").body)


def evaluate(node: ast.expr) -> float:
    """The value of an expression that has been read."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -evaluate(operand)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATORS:
            return OPERATORS[type(sign)](evaluate(left), evaluate(right))
    raise ValueError(f"{ast.unparse(node)} is not arithmetic")


# Every session has a copy of this module of its own, so this conversation lasts as long as its session.
agent = Agent(
    "us.anthropic.claude-sonnet-4-20250514-v1:0",
    system="You are a helpful assistant. Answer in a few sentences.",
    tools=[get_time, calculator],
)


@dataclass
class Question:
    """What a caller sends. JSON that does not fit is refused before ``invoke`` is called."""

    prompt: str


@app.entrypoint
def invoke(question: Question, context: Context) -> Iterator[str]:
    """One turn. What is yielded reaches the caller at once."""
    log.info(f"turn {context.turn} of session {context.session_id}")
    yield from agent.stream(question.prompt)
