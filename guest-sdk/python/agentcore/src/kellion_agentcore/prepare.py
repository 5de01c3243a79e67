"""Makes the interpreter ready for packages that were written for another. Has to be imported first."""

from . import environ, frozen, inline, loop, missing, output, sockets, threads

missing.install()
output.install()
inline.install()
loop.install()
threads.install()
sockets.install()
frozen.install()


def environment(built: dict[str, str]) -> None:
    """Sets what `os.environ` holds while the agent's module is loaded."""
    global ENVIRONMENT
    ENVIRONMENT = environ.install(built)
