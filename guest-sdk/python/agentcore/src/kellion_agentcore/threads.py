"""Threads: there is one. What an agent's own code starts as a thread runs at once; other threads are refused."""

import _thread
import sys
import threading

from . import inline
from .errors import refuse

_INSTEAD = (
    "it has one thread, and an agent runs only during its turns. Use asyncio tasks, or do the work within the turn; "
    "what an executor, asyncio.to_thread, or a thread with a function of the agent's own is given runs at once"
)

_folders: tuple[str, ...] = ()


class _Done:
    """Stands for the system's thread, which is over."""

    ident = None

    def is_done(self):
        return True

    def join(self, timeout=None):
        pass

    def _set_done(self):
        pass


def allow(folders) -> None:
    """From now on threads that run functions of these folders run at once. Not earlier: while the component is built a thread
    that waits for something would wait for good."""
    global _folders
    _folders = tuple(folder.rstrip("/") + "/" for folder in folders)


def _is_own(thread: threading.Thread) -> bool:
    """Whether the thread would run the agent's own code."""
    function = getattr(thread, "_target", None) or type(thread).run
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    function = getattr(function, "func", function)
    code = getattr(function, "__code__", None)
    return code is not None and bool(_folders) and code.co_filename.startswith(_folders)


def _start(self):
    if self._started.is_set():
        raise RuntimeError("threads can only be started once")
    if not _is_own(self):
        raise refuse(f"threading.Thread ({self.name})", _INSTEAD)
    self._started.set()
    # The name is another in Python 3.14 than in 3.13, and before that there is none.
    self._os_thread_handle = self._handle = _Done()
    self._is_stopped, self._tstate_lock = True, None
    try:
        inline.call(self.run)
    except SystemExit:
        # It ends a thread, and nothing else.
        return
    except Exception:
        threading.excepthook(threading.ExceptHookArgs([*sys.exc_info(), self]))


def _start_new_thread(*_, **__):
    raise refuse("_thread.start_new_thread", _INSTEAD)


def install() -> None:
    """Makes the start of a thread run it, or fail with a reason."""
    threading.Thread.start = _start
    _thread.start_new_thread = _start_new_thread
