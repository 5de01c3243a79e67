"""Threads: there are none, and whoever starts one is told so."""

import _thread
import threading

from .errors import refuse

_INSTEAD = (
    "it has one thread, and an agent runs only during its turns. Use asyncio tasks, or do the work within the turn; "
    "what an executor or asyncio.to_thread is given runs at once"
)


def _start(self):
    raise refuse(f"threading.Thread ({self.name})", _INSTEAD)


def _start_new_thread(*_, **__):
    raise refuse("_thread.start_new_thread", _INSTEAD)


def install() -> None:
    """Makes the start of a thread fail with a reason."""
    threading.Thread.start = _start
    _thread.start_new_thread = _start_new_thread
