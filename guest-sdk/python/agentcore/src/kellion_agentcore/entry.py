"""Finds the agent's application, and calls it in each turn."""

import runpy
from types import ModuleType

from kellion import AgentError, Body, Context, InvalidPayload, _ahead, _json, _start, loop

from . import app, asgi, files, frozen, lifespan, rehearse, threads
from .bedrock import stream

# Statuses by which an application says that it does not take the payload.
_UNFIT = (400, 413, 415, 422)


def find(author: ModuleType):
    """The entrypoint of an author's module: a function that takes a turn."""
    application = app.find(author) or _in_main(author)
    if application is None:
        name = author.__name__
        _start._fail(
            f"{name}.py has no agent in it: it needs at its top level app = BedrockAgentCoreApp(), from bedrock_agentcore, "
            "and a function that is decorated with @app.entrypoint"
        )
    # What the agent's own functions import is made ready now; what packages import when they are used, when they are used.
    rehearse.rehearse()
    _ahead.standard()
    _ahead.wanted_by(_start._folders)
    frozen.keep()
    frozen.keep_metadata()
    for path in files.keep(_start._folders):
        print(f"{path} is not kept: files that are read in a turn may have {files.MOST_BYTES >> 20} MiB together")

    threads.allow(_start._folders)
    starting = lifespan.of(application)

    def turn(payload: bytes, context: Context):
        try:
            if starting is not None:
                starting.begin()
            return _turn(application, payload, context)
        finally:
            stream.close_all()

    return turn


def _in_main(author: ModuleType):
    """The application that comes to be only below `if __name__ == "__main__"`."""
    try:
        names = runpy.run_path(author.__file__, run_name="__main__")
    except BaseException as error:
        from kellion import _output

        _start._fail(_output.told(error))
    main = ModuleType("__main__")
    main.__dict__.update(names)
    main.__file__ = author.__file__
    return app.find(main)


def _turn(application, payload: bytes, context: Context):
    if _json._depth(payload) > _json.MAX_DEPTH:
        raise InvalidPayload(f"payload is not JSON: it nests deeper than {_json.MAX_DEPTH} levels")
    try:
        answer = loop.run(asgi.call(application, payload, context))
    except (SystemExit, KeyboardInterrupt):
        # They tear through the loop, and leave in it what would tear through the next turn. That one gets a loop of its own.
        loop._loop = None
        raise
    if not answer.failed:
        answer.tell()
        return Body(answer.body, None if answer.told else asgi.JSON)
    if answer.status in _UNFIT:
        raise InvalidPayload(answer.reason())
    raise AgentError(answer.reason())
