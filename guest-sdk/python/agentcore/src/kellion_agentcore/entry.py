"""The component's export: loads the agent's module while the component is built, and calls its application in each turn."""

import asyncio
import gc
import importlib
import os
import runpy
import sys
import traceback
from types import ModuleType

import wit_world
from componentize_py_types import Err
from wit_world.imports import session, types

from . import app, asgi, frozen, output, payload as payloads, prepare
from .bedrock import stream
from .loop import Loop

# Statuses by which an application says that it does not take the payload.
_UNFIT = (400, 413, 415, 422)

_application = None
_loop = None


def load(name: str, path: str, usual=()) -> None:
    """Imports the agent's module and finds its application in it. `usual` are modules that agents like to import late."""
    global _application
    app.install()
    sys.argv = [path]
    module = importlib.import_module(name)
    _application = app.find(module)
    if _application is None:
        # It may all happen below `if __name__ == "__main__"`.
        main = ModuleType("__main__")
        main.__file__ = module.__file__
        main.__dict__.update(runpy.run_path(module.__file__, run_name="__main__"))
        _application = app.find(main)
    if _application is None:
        raise SystemExit(
            f"{path} has no agent: there is no BedrockAgentCoreApp with an entrypoint in it. Write\n"
            "    app = BedrockAgentCoreApp()\n\n    @app.entrypoint\n    def invoke(payload, context): ..."
        )
    _freeze(module, usual)


def _freeze(module, usual) -> None:
    for name in usual:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    frozen.keep()
    frozen.keep_metadata()
    frozen.keep_lines(os.path.dirname(module.__file__))
    gc.collect()
    # What is there now is there for good: no later collection looks at it, so its pages stay shared between sessions.
    gc.freeze()


class WitWorld(wit_world.WitWorld):
    """The world that the component exports."""

    def invoke(self, payload: bytes, context: types.Context) -> bytes:
        prepare.ENVIRONMENT.open(session.config)
        output.begin_turn()
        try:
            return _turn(payload, context)
        except Err:
            raise
        except BaseException as error:
            # Even SystemExit: what leaves here would cost the session its instance.
            traceback.print_exc()
            raise Err(types.AgentError_Failed(_words(error))) from None
        finally:
            stream.close_all()
            output.end_turn()


def _turn(payload: bytes, context) -> bytes:
    global _loop
    if payloads.too_deep(payload):
        raise Err(types.AgentError_InvalidPayload(f"the payload's JSON nests deeper than {payloads.DEEPEST} levels"))
    if _loop is None:
        # One loop for the whole session: what the agent left in it goes on with the next turn.
        _loop = Loop()
        asyncio.set_event_loop(_loop)
    answer = _loop.run_until_complete(asgi.call(_application, payload, context))
    if not answer.failed:
        answer.tell()
        return answer.body
    if answer.status in _UNFIT:
        raise Err(types.AgentError_InvalidPayload(answer.reason()))
    raise Err(types.AgentError_Failed(answer.reason()))


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
