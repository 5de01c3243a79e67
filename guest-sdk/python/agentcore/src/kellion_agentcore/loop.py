"""The SDK's event loop, which here may also be entered again from within one of its own steps."""

import asyncio
import heapq

import kellion.loop

from . import inline


class Loop(kellion.loop.Loop):
    """The loop behind `asyncio.run` and `asyncio.new_event_loop`, and the one of the session."""

    def run_in_executor(self, executor, func, *args):
        future = self.create_future()

        def run():
            if future.cancelled():
                return
            try:
                result = inline.call(func, *args)
            except BaseException as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        self.call_soon(run)
        return future

    async def shutdown_default_executor(self, timeout=None):
        pass

    def _run_once(self):
        """One step, as the standard one, but `inline.pump` may take another one within it."""
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
    """Makes it the loop of everyone who asks for one."""
    kellion.loop.Loop = Loop
    kellion.loop.install()
    asyncio.SelectorEventLoop = Loop
    current = asyncio.events.get_event_loop

    def get_event_loop():
        """The running loop, or the session's: Pythons before 3.14 made one, and much is written for those."""
        try:
            return current()
        except RuntimeError:
            return kellion.loop.get()

    asyncio.events.get_event_loop = asyncio.get_event_loop = get_event_loop
