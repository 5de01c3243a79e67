"""What an application does when its server starts: here, before a session's first turn."""

import asyncio

from kellion import AgentError, loop


class Lifespan:
    """Runs as long as the session. Sessions end without notice, so the shutdown is never said."""

    def __init__(self, application):
        self._application = application
        self._task = None

    def begin(self) -> None:
        """Starts the application, once; a start that failed is tried again with the next turn."""
        if self._task is None:
            loop.run(self._start())

    async def _start(self) -> None:
        ready = asyncio.Event()
        said = {}

        async def receive():
            if "asked" in said:
                await asyncio.Event().wait()
            said["asked"] = True
            return {"type": "lifespan.startup"}

        async def send(message):
            said.update(message)
            ready.set()

        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        task = asyncio.get_running_loop().create_task(self._application(scope, receive, send))
        task.add_done_callback(lambda _: ready.set())
        await ready.wait()
        if said.get("type") != "lifespan.startup.complete":
            error = None if task.cancelled() or not task.done() else task.exception()
            raise AgentError(f"the application did not start: {said.get('message') or error}") from error
        self._task = task


def of(application) -> Lifespan | None:
    """The application's start, if it has one of its own."""
    router = getattr(application, "router", None)
    context = getattr(router, "lifespan_context", None)
    if context is None or type(context).__name__ == "_DefaultLifespan" and not getattr(router, "on_startup", None):
        return None
    return Lifespan(application)
