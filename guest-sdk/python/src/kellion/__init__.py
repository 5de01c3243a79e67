"""Write agents for Kellion in Python.

An agent is a module with one entrypoint. Kellion gives every session an interpreter of its own, in which the module has
been imported already: what the module keeps is there again in the session's next turn, and no other session sees it.
"""

from . import log, loop, model, response, session
from .agent import Agent, AgentFailure, Reply, ReplyStream
from .app import App
from .body import Body
from .context import Context, Header
from .errors import AgentError, InvalidPayload
from .tools import Tool, tool

__all__ = [
    "Agent",
    "AgentError",
    "AgentFailure",
    "App",
    "Body",
    "Context",
    "Header",
    "InvalidPayload",
    "Reply",
    "ReplyStream",
    "Tool",
    "log",
    "loop",
    "model",
    "response",
    "session",
    "tool",
]
