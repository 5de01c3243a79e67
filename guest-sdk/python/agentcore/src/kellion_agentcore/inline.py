"""Work that elsewhere goes to other threads, done at once in the only thread there is.

While a loop runs a coroutine, that coroutine may hand a blocking function to an executor. Here the function runs on the
spot, as if its thread had been faster than everyone else. It may run a loop of its own, so the outer one steps aside for as
long. A function that gives pieces to the outer loop as they come calls `pump` between them, which lets the outer loop
deliver them: so streams stay streams.
"""

import asyncio
import asyncio.events
import concurrent.futures
import concurrent.futures.thread
import contextlib

import kellion.loop

# Loops that wait for a function to end, the innermost last; None where no loop was running.
_waiting: list = []

# Steps that the outer loop may take at one pump: more than enough to deliver a piece, few enough to come back.
_STEPS = 100


@contextlib.contextmanager
def aside():
    """Lets blocking code run as if it were in another thread, where no loop is running."""
    _waiting.append(asyncio.events._get_running_loop())
    try:
        with kellion.loop.outside():
            yield
    finally:
        _waiting.pop()


def pump() -> None:
    """Lets the loop that waits for the running function do what is ready in it."""
    loop = next((loop for loop in reversed(_waiting) if loop is not None), None)
    if loop is None or asyncio.events._get_running_loop() is not None:
        return
    asyncio.events._set_running_loop(loop)
    try:
        for _ in range(_STEPS):
            if not loop._ready:
                break
            loop._run_once()
    finally:
        asyncio.events._set_running_loop(None)


def call(function, *arguments, **keywords):
    """Calls a blocking function as an executor's thread would."""
    with aside():
        return function(*arguments, **keywords)


class InlineExecutor(concurrent.futures.Executor):
    """Stands for `ThreadPoolExecutor` and `ProcessPoolExecutor`: a submitted function is over when `submit` returns."""

    def __init__(self, max_workers=None, thread_name_prefix="", initializer=None, initargs=(), **_):
        self._max_workers = max_workers or 1
        self._shut_down = False
        if initializer is not None:
            initializer(*initargs)

    def submit(self, fn, /, *args, **kwargs):
        if self._shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = concurrent.futures.Future()
        future.set_running_or_notify_cancel()
        try:
            result = call(fn, *args, **kwargs)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._shut_down = True


def install() -> None:
    """Puts the executor in the place of the standard ones."""
    concurrent.futures.ThreadPoolExecutor = InlineExecutor
    concurrent.futures.thread.ThreadPoolExecutor = InlineExecutor
    concurrent.futures.ProcessPoolExecutor = InlineExecutor
