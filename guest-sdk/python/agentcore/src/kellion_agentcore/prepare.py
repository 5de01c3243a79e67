"""Makes the interpreter ready for packages that were written for another. Imported before the agent's module."""

from . import absent, app, files, frozen, inline, logs, loop, missing, sockets, threads

missing.install()
absent.install()
files.install()
logs.install()
inline.install()
loop.install()
threads.install()
sockets.install()
frozen.install()
app.install()
