"""Processes: there are none, and whoever starts one is told so."""

import asyncio
import multiprocessing
import os
import subprocess

from .errors import refuse

_INSTEAD = "it starts no processes. Do the work in Python"


def _refuse(what):
    def function(*_, **__):
        raise refuse(what, _INSTEAD)

    return function


def install() -> None:
    """Makes the start of a process fail with a reason."""
    for name in ("system", "popen", "fork"):
        setattr(os, name, _refuse(f"os.{name}"))
    subprocess.Popen.__init__ = _refuse("subprocess.Popen")
    # What is left of one that never came to be is not waited for.
    subprocess.Popen.__del__ = lambda self: None
    for name in ("create_subprocess_exec", "create_subprocess_shell"):
        setattr(asyncio, name, _refuse(f"asyncio.{name}"))
    for name in ("Process", "Pool", "Queue", "Manager"):
        setattr(multiprocessing, name, _refuse(f"multiprocessing.{name}"))
