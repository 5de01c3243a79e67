"""An event loop without a selector: nothing in a cell can be waited for but time."""

import asyncio
import asyncio.base_events
import asyncio.events
import asyncio.runners
import asyncio.unix_events
import heapq
import time

from . import inline


class _Clock:
    """Stands for a selector: waits for the next timer."""

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("the agent waits for something that nothing can bring about: no timer and no task is left")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def close(self):
        pass


class Loop(asyncio.base_events.BaseEventLoop):
    """The loop behind `asyncio.run` and `asyncio.new_event_loop`."""

    def __init__(self):
        super().__init__()
        self._selector = _Clock()

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass

    def call_soon_threadsafe(self, callback, *args, context=None):
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor, func, *args):
        future = self.create_future()

        def run():
            if future.cancelled():
                return
            try:
                result = inline.call(func, *args)
            except BaseException as error:
                if not future.cancelled():
                    future.set_exception(error)
            else:
                if not future.cancelled():
                    future.set_result(result)

        self.call_soon(run)
        return future

    async def shutdown_default_executor(self, timeout=None):
        pass

    def _run_once(self):
        """One step. Unlike the standard one it may be entered again from within, which `inline.pump` does."""
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)._scheduled = False
        timeout = None
        if self._ready or self._stopping:
            timeout = 0
        elif self._scheduled:
            timeout = max(0, self._scheduled[0].when() - self.time())
        if timeout != 0:
            self._selector.select(timeout)
        end = self.time() + self._clock_resolution
        while self._scheduled and self._scheduled[0].when() < end:
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False
            self._ready.append(handle)
        for _ in range(len(self._ready)):
            # A step within this one may have taken what was ready.
            if not self._ready:
                break
            handle = self._ready.popleft()
            if not handle._cancelled:
                handle._run()


def install() -> None:
    """Makes it the loop of everyone who asks asyncio for one."""
    asyncio.unix_events._DefaultEventLoopPolicy._loop_factory = Loop
    asyncio.new_event_loop = Loop
    asyncio.events.new_event_loop = Loop
    asyncio.SelectorEventLoop = Loop
