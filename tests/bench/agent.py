"""The tutorial's agent, written for the AgentCore SDK: what guests/tutorial does, in Python.

The benchmark starts it as a container would: one process, one session. PORT says where it listens.
"""

import ast
import logging
import operator
import os
from datetime import datetime, timezone

from bedrock_agentcore.runtime import BedrockAgentCoreApp
from strands import Agent, tool
from strands.models import BedrockModel

app = BedrockAgentCoreApp()
logging.getLogger("bedrock_agentcore").setLevel(logging.WARNING)
app.logger.setLevel(logging.WARNING)

USERS = {"1": "Maira", "2": "Mani", "3": "Mark", "4": "Ishan", "5": "Dhawal"}

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.BitXor: operator.pow,
    ast.USub: operator.neg,
}


def evaluate(node):
    match node:
        case ast.Expression(body):
            return evaluate(body)
        case ast.Constant(int() | float() as value):
            return value
        case ast.UnaryOp(op, operand) if type(op) in OPERATORS:
            return OPERATORS[type(op)](evaluate(operand))
        case ast.BinOp(left, op, right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](evaluate(left), evaluate(right))
    raise ValueError("numbers, + - * / ^ and parentheses only")


@tool
def calculator(expression: str) -> str:
    """Evaluates an arithmetic expression.

    Args:
        expression: Numbers, + - * / ^ and parentheses, such as "(2 + 3.5) * 4".
    """
    return str(evaluate(ast.parse(expression, mode="eval")))


@tool
def weather() -> str:
    """Tells the weather."""
    return "sunny"


@tool
def get_time() -> str:
    """Tells the current time in UTC."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


agent = Agent(
    model=BedrockModel(model_id="us.anthropic.claude-sonnet-4-20250514-v1:0"),
    tools=[calculator, weather, get_time],
    system_prompt="You're a helpful assistant. You can do simple calculations, tell the weather and "
    "tell the time. Acknowledge the user's name.",
    callback_handler=None,
)


@app.entrypoint
def invoke(payload, context):
    name = USERS[str(payload["user_id"])]
    answer = agent(
        f"My name is {name}. Here is my request: {payload['prompt']}. "
        f"This is session {context.session_id}."
    )
    return answer.message["content"][0]["text"]


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
