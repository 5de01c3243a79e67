"""The agent's application: where it is, and what of it would need threads."""

import sys

from . import inline


def install() -> None:
    """Makes servers that an agent starts do nothing: Kellion calls the application itself."""
    # By a name that is put together when it is first wanted, so that nobody sees it coming.
    import anyio._backends._asyncio
    import anyio.to_thread
    import uvicorn
    from bedrock_agentcore.runtime import BedrockAgentCoreApp

    async def run_sync(func, *args, abandon_on_cancel=False, cancellable=None, limiter=None):
        return inline.call(func, *args)

    anyio.to_thread.run_sync = run_sync

    def run(self, port=8080, host=None, **_):
        _started.append(self)

    BedrockAgentCoreApp.run = run
    uvicorn.run = lambda app, *_, **__: _started.append(app)
    if hasattr(BedrockAgentCoreApp, "_ensure_worker_loop"):
        BedrockAgentCoreApp._ensure_worker_loop = _only_loop
    if hasattr(BedrockAgentCoreApp, "_async_gen_to_sync_gen"):
        BedrockAgentCoreApp._async_gen_to_sync_gen = _as_it_is


# Applications that the agent's code has started, the last one last.
_started: list = []


def _only_loop(self):
    """The loop of asynchronous handlers: elsewhere one of a thread's own, here the one that is running."""
    import asyncio

    return asyncio.get_running_loop()


async def _as_it_is(self, async_gen, ctx):
    """An asynchronous generator, iterated in the running loop instead of another thread's, in the request's context."""
    for variable, value in ctx.items():
        variable.set(value)
    try:
        async for piece in async_gen:
            yield piece
    finally:
        await async_gen.aclose()


def find(module) -> object | None:
    """The application of a module: the one that it has started, or one that stands in it."""
    from bedrock_agentcore.runtime import BedrockAgentCoreApp
    from starlette.applications import Starlette

    if _started and callable(_started[-1]):
        return _started[-1]
    values = list(vars(module).values())
    for other in list(sys.modules.values()):
        if other is not module and getattr(other, "__file__", None) and _beside(other, module):
            values.extend(vars(other).values())
    for value in values:
        if isinstance(value, BedrockAgentCoreApp) and value.handlers:
            return value
    for value in values:
        if isinstance(value, Starlette) and any(getattr(route, "path", "") == "/invocations" for route in value.routes):
            return value
    return None


def _beside(module, entry) -> bool:
    """Whether a module is the agent's own, too."""
    root = entry.__file__.rpartition("/")[0]
    return isinstance(module.__file__, str) and module.__file__.startswith(root + "/")
