"""Where an agent begins."""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class App:
    """An agent: the function that takes its turns. ::

        app = App()

        @app.entrypoint
        def invoke(payload, context):
            return {"hello": payload["name"], "turn": context.turn}
    """

    def __init__(self) -> None:
        self.handler: Callable[..., Any] | None = None

    def entrypoint(self, function: F) -> F:
        """Makes this function the one that is called once for each turn.

        It takes the payload, and the :class:`~kellion.Context` if it has a second parameter. It may be plain or
        asynchronous, a generator or an asynchronous generator; what generators yield is streamed.
        """
        if self.handler is not None:
            raise ValueError(
                f"this app has an entrypoint already, {self.handler.__name__}: {function.__name__} cannot be another"
            )
        self.handler = function
        return function
