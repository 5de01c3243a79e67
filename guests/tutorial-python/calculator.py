"""Arithmetic: ``+ - * / ^``, parentheses, signs and decimal numbers, with the usual precedence.

::

    sum     = product (("+" | "-") product)*
    product = signed (("*" | "/") signed)*
    signed  = ("+" | "-") signed | power
    power   = atom ("^" signed)?
    atom    = number | "(" sum ")"
"""

import math
import re

MAX_DEPTH = 64
"""How deep an expression may nest."""

_NUMBER = re.compile(r"[0-9.]+")


class CalculationError(ValueError):
    """Why an expression has no value. The model reads it. Positions count characters from 1."""


def evaluate(expression: str) -> float:
    """The value of an expression."""
    parser = _Parser(expression)
    value = parser.sum()
    if parser.peek():
        raise parser.unexpected()
    return _finite(value)


def display(value: float) -> str:
    """A value as people write it: whole numbers without a point, others to 15 significant digits, which hides the noise of
    binary fractions."""
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return f"{value:.15g}"


def _finite(value: float) -> float:
    if isinstance(value, complex) or not math.isfinite(value):
        raise CalculationError("the result is too large or not a real number")
    return value


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def sum(self) -> float:
        value = self.product()
        while True:
            if self.take("+"):
                value += self.product()
            elif self.take("-"):
                value -= self.product()
            else:
                return value

    def product(self) -> float:
        value = self.signed()
        while True:
            if self.take("*"):
                value *= self.signed()
            elif self.take("/"):
                divisor = self.signed()
                if divisor == 0:
                    raise CalculationError("division by zero")
                value /= divisor
            else:
                return value

    def signed(self) -> float:
        # Every way down goes through here, so that the depth is counted here alone.
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise CalculationError(f"nested more than {MAX_DEPTH} deep")
        if self.take("-"):
            value = -self.signed()
        elif self.take("+"):
            value = self.signed()
        else:
            value = self.power()
        self.depth -= 1
        return _finite(value)

    def power(self) -> float:
        base = self.atom()
        if not self.take("^"):
            return base
        # To the right first: 2^3^2 is 2^(3^2).
        exponent = self.signed()
        if base == 0 and exponent < 0:
            raise CalculationError("division by zero")
        try:
            return base**exponent
        except OverflowError:
            return math.inf

    def atom(self) -> float:
        if self.take("("):
            value = self.sum()
            if not self.take(")"):
                raise self.unexpected()
            return value
        self.peek()
        number = _NUMBER.match(self.text, self.at)
        if number is None:
            raise self.unexpected()
        position, self.at = self.at + 1, number.end()
        try:
            return float(number[0])
        except ValueError:
            raise CalculationError(f"`{number[0]}` at position {position} is not a number") from None

    def peek(self) -> str:
        """The next character that is no space; nothing at the end."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def take(self, wanted: str) -> bool:
        is_next = self.peek() == wanted
        self.at += is_next
        return is_next

    def unexpected(self) -> CalculationError:
        character = self.peek()
        if not character:
            return CalculationError("the expression ends too soon")
        return CalculationError(f"unexpected `{character}` at position {self.at + 1}")
