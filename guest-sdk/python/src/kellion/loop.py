"""An event loop without a selector: there is nothing to select on in a cell, neither sockets nor threads.

It belongs to the session. What ``asyncio`` primitives hold, and tasks that were not awaited, go on in the next turn.
"""

import asyncio
import asyncio.base_events
import asyncio.events
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

__all__ = ["Loop", "get", "install", "iterate", "outside", "run"]


class _NoSelector:
    """Waits by sleeping: only time can make something ready that is not."""

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everything waits, and nothing is left that could wake it: a deadlock")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def close(self) -> None:
        pass


class Loop(asyncio.base_events.BaseEventLoop):
    """The event loop of a cell."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _NoSelector()

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Calls the function soon, in this thread, which is the only one."""
        future = self.create_future()

        def call() -> None:
            if future.cancelled():
                return
            try:
                with outside():
                    result = func(*args)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        self.call_soon(call)
        return future


@contextlib.contextmanager
def outside() -> Iterator[None]:
    """Lets blocking code that was called from a running loop run another one. The outer loop waits meanwhile."""
    loop = asyncio.events._get_running_loop()
    if loop is None:
        yield
        return
    task = asyncio.current_task(loop)
    if task is not None:
        asyncio.tasks._leave_task(loop, task)
    asyncio.events._set_running_loop(None)
    try:
        yield
    finally:
        asyncio.events._set_running_loop(loop)
        if task is not None:
            asyncio.tasks._enter_task(loop, task)


_loop: Loop | None = None


def get() -> Loop:
    """The session's loop."""
    global _loop
    if _loop is None or _loop.is_closed():
        _loop = Loop()
        asyncio.set_event_loop(_loop)
    return _loop


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end, also when it is called from code that a loop runs."""
    outer = asyncio.events._get_running_loop()
    if outer is None:
        return get().run_until_complete(coroutine)
    inner = Loop()
    with outside():
        try:
            return inner.run_until_complete(coroutine)
        finally:
            inner.close()


def iterate(generator: AsyncIterator[T]) -> Iterator[T]:
    """An asynchronous generator as a plain one."""
    loop = get()
    try:
        while True:
            try:
                item = loop.run_until_complete(_next(generator))
            except StopAsyncIteration:
                return
            yield item
    finally:
        close = getattr(generator, "aclose", None)
        if close is not None:
            loop.run_until_complete(close())


async def _next(generator: AsyncIterator[T]) -> T:
    return await generator.__anext__()


def install() -> None:
    """Makes it the loop of ``asyncio.run``, ``asyncio.new_event_loop`` and the like."""
    policy = getattr(asyncio.events, "_BaseDefaultEventLoopPolicy", None) or asyncio.events.BaseDefaultEventLoopPolicy
    for each in [policy, *policy.__subclasses__()]:
        each._loop_factory = Loop
    asyncio.events.new_event_loop = asyncio.new_event_loop = Loop
