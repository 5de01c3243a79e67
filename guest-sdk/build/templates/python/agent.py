"""{{name}}: an agent with a tool and a conversation, that streams its answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from kellion import Agent, App, Context, log, tool

app = App()


@tool
def get_time() -> str:
    """Tells the current time in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@tool
def calculator(left: float, operator: str, right: float) -> float:
    """Does one calculation.

    Args:
        left: A number.
        operator: One of + - * /.
        right: Another number.
    """
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
    # The model reads what a tool raises, and may mend its call.
    raise ValueError(f"{operator} is none of + - * /")


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
