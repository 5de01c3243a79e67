"""The component's own module calls this: to import the author's code while the component is built, and to take turns."""

import gc
import importlib
import os
import random
import sys
from types import ModuleType
from typing import Any, NoReturn

import wit_world
from componentize_py_types import Err
from wit_world.imports import types as wit

from . import _ahead, _environ, _holes, _host, _output, _warm, _wit, log, loop
from ._entry import Entry
from .app import App
from .context import Context, Header
from .errors import InvalidPayload, describe
from .model.stream import close_all

_report_folder = ""
_printed: list[str] = []
_folders: list[str] = []
_entry: Entry | None = None
_host_of_cell = _wit.Host()
_filler: list[bytes] = []


class _Builder:
    """Stands for the host while the component is built: what is printed is told to the author."""

    def log(self, level: str, message: str) -> None:
        _printed.append(message)

    def config(self, name: str) -> str | None:
        return None

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(
            f"{name} needs a session, and there is none yet: code at a module's top level runs when the component is built"
        )


def begin(report: str, folders: list[str], variables: dict[str, str]) -> None:
    """Makes the interpreter a cell's. ``folders`` are those of the author, and of the packages that were asked for."""
    global _report_folder
    _report_folder = report
    _folders.extend(folders)
    _host.swap(_Builder())
    loop.install()
    _output.install()
    _environ.begin(variables)
    try:
        os.chdir(folders[0])
    except OSError:
        # Files are found by their full names all the same.
        pass


def load(name: str) -> ModuleType:
    """Imports a module that the author wrote or asked for. Its failure is the author's to read, not ours."""
    try:
        return importlib.import_module(name)
    except BaseException as error:
        _fail(_output.told(error) + _advice(error))


def _advice(error: BaseException) -> str:
    top = (error.name or "").split(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if not top:
        return ""
    if top.lstrip("_") in sys.stdlib_module_names or top in sys.stdlib_module_names:
        return f"\n(the cell's Python has no {top})"
    return f"\n(the agent has no package {top}: name it in requirements.txt beside the agent)"


def find(author: ModuleType) -> Any:
    """The entrypoint of the app in an author's module."""
    apps = [each for each in vars(author).values() if isinstance(each, App)]
    for app in apps:
        if app.handler is not None:
            return app.handler
    name = author.__name__
    if apps:
        _fail(f"the app in {name}.py has no entrypoint: decorate the function that takes a turn, @app.entrypoint")
    _fail(
        f"{name}.py has no agent in it: it needs at its top level app = App(), from kellion, and a function that is "
        "decorated with @app.entrypoint"
    )


def finish(handler: Any) -> None:
    """The last step of the build: what is in memory now is what every session begins with."""
    global _entry
    try:
        _entry = Entry(handler)
        _ahead.standard()
        _ahead.wanted_by(_folders)
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and path.startswith(_folders[0]):
                _output.keep_source(path)
    except Exception as error:
        _fail(_output.told(error))
    _write_report("printed.txt", "\n".join(_take_printed()))
    _environ.finish()
    _warm.up(Context("", "", 1, "", "", "", ""))
    gc.collect()
    _filler.extend(_holes.fill())
    # What is there from the start is never looked through again: looking would make each session's pages its own.
    gc.freeze()


def _fail(message: str) -> NoReturn:
    """Ends the build with a message for the author."""
    _write_report("error.txt", "\n".join([*_take_printed(), message]))
    raise SystemExit(1)


def _take_printed() -> list[str]:
    _output.finish_lines()
    printed = _printed[:]
    _printed.clear()
    return printed


def _write_report(name: str, text: str) -> None:
    with open(os.path.join(_report_folder, name), "w", encoding="utf-8", errors="replace") as file:
        file.write(text)


class WitWorld(wit_world.WitWorld):  # type: ignore[misc]
    """What the component exports."""

    def invoke(self, payload: bytes, context: Any) -> bytes:
        """One turn. Nothing but an agent error leaves it: anything else would end the instance."""
        if _host.current is not _host_of_cell:
            _host.swap(_host_of_cell)
            _environ.resume()
            # The generator was made with the component, and would be the same in every session.
            random.seed()
            _output.short_folders.extend(_folders)
        try:
            if _entry is None:
                raise RuntimeError("the component was built without an entrypoint")
            return _entry.turn(payload, _context(context))
        except InvalidPayload as error:
            raise Err(wit.AgentError_InvalidPayload(_wit.text(describe(error)))) from None
        except BaseException as error:
            _tell(error)
            raise Err(wit.AgentError_Failed(_wit.text(describe(error)))) from None
        finally:
            _clean_up()


def _context(context: Any) -> Context:
    return Context(
        context.session_id,
        context.request_id,
        context.turn,
        context.agent_name,
        context.agent_version,
        context.endpoint,
        context.tenant_id,
        context.user_id,
        [Header(header.name, header.value) for header in context.headers],
        context.content_type,
        context.accept,
        context.deadline_ms,
        context.traceparent,
    )


def _tell(error: BaseException) -> None:
    try:
        log.error(_output.told(error))
    except Exception:
        log.error(describe(error))


def _clean_up() -> None:
    try:
        _output.finish_lines()
        held = close_all()
        if held:
            log.warn(f"model streams that the turn left open, and that were closed: {held}; use each in a with statement")
    except BaseException as error:
        log.error(f"the turn's end: {describe(error)}")
