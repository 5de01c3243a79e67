"""Ways to ask a model."""

import ast
from collections.abc import Iterator
from typing import Any

from wants import Payload

from kellion import Agent, Context, model, tool

MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"

held: list[model.ResponseStream] = []


@tool
def calculator(expression: str) -> str:
    """Evaluates an arithmetic expression.

    Args:
        expression: Numbers, + - * / and parentheses.
    """
    return str(_value(ast.parse(expression, mode="eval").body))


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _value(left) + _value(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _value(left) - _value(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _value(left) * _value(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _value(left) / _value(right)
    raise ValueError(f"{ast.unparse(node)} is not arithmetic")


conversation = Agent(MODEL, system="You do simple calculations.", tools=[calculator])


def ask(wanted: Payload, _: Context) -> dict[str, Any]:
    """A model's text and what it cost."""
    answer = model.converse(_request(wanted))
    return {"text": answer.text, "usage": answer.usage}


def stream(wanted: Payload, _: Context) -> Iterator[str]:
    """A model's text, piece by piece."""
    request = _request(wanted)
    with model.converse_stream(request) as pieces:
        yield from pieces.text()


def hold(wanted: Payload, _: Context) -> str:
    """Takes the first event of a stream and forgets to close it."""
    pieces = model.converse_stream(_request(wanted))
    next(pieces)
    held.append(pieces)
    return "held"


def agent(wanted: Payload, _: Context) -> str:
    """Goes on with the session's conversation."""
    return conversation(wanted.text("prompt")).text


def _request(wanted: Payload) -> model.Request:
    return model.Request(wanted.maybe("model") or MODEL, [model.user(wanted.text("prompt"))])
