"""Makes the interpreter ready for packages that were written for another. Imported before the agent's module."""

import os
import sys

from . import absent, app, files, frozen, inline, logs, loop, missing, processes, sockets, threads

# Where AgentCore's own runtime says where it is.
for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
    os.environ.setdefault(name, "us-west-2")
sys.argv = sys.argv or ["agent.py"]

missing.install()
absent.install()
files.install()
logs.install()
inline.install()
loop.install()
threads.install()
processes.install()
sockets.install()
frozen.install()
app.install()
