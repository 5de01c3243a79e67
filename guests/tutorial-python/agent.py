"""The tutorial's agent: it knows five users by name, does sums, tells the weather and the time, and remembers what was said
in its session.

Send it ``{"user_id": 1, "prompt": "How is the weather?"}``.
"""

from dataclasses import dataclass
from datetime import datetime, timezone

from calculator import display, evaluate

from kellion import Agent, AgentError, App, Context, tool

MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"

SYSTEM_PROMPT = (
    "You're a helpful assistant. You can do simple calculations, tell the weather and tell the time. "
    "Acknowledge the user's name."
)

USERS = {1: "Maira", 2: "Mani", 3: "Mark", 4: "Ishan", 5: "Dhawal"}

app = App()


@tool
def calculator(expression: str) -> str:
    """Evaluates an arithmetic expression.

    Args:
        expression: Numbers, + - * / ^ and parentheses, such as "(2 + 3.5) * 4".
    """
    # An error here does not fail the turn: the model reads it and may mend its call.
    return display(evaluate(expression))


@tool
def weather() -> str:
    """Tells the weather."""
    return "sunny"


@tool
def get_time() -> str:
    """Tells the current time in UTC."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


# Each session has an agent of its own, with a conversation of its own: the module is the session's memory.
agent = Agent(MODEL, system=SYSTEM_PROMPT, tools=[calculator, weather, get_time])


@dataclass
class Request:
    """What a caller sends. JSON that does not fit is refused before ``invoke`` is called."""

    user_id: int | str
    prompt: str


@app.entrypoint
def invoke(request: Request, context: Context) -> str:
    """One turn. The model hears what was said in the turns before."""
    name = user_name(request.user_id)
    if name is None:
        raise AgentError(f"there is no user {request.user_id}")
    reply = agent(f"My name is {name}. Here is my request: {request.prompt}. This is session {context.session_id}.")
    return reply.text


def user_name(user_id: int | str) -> str | None:
    """The user's name, if there is such a user. Callers write both ``1`` and ``"1"``."""
    return USERS.get(int(user_id)) if str(user_id).isdecimal() else None
