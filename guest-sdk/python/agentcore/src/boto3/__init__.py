"""Stands for boto3 in a cell: `bedrock-runtime` over the server's models, and a clear error for every other service."""

from .session import Session

__version__ = "1.44.5"
DEFAULT_SESSION = None


def setup_default_session(**settings):
    global DEFAULT_SESSION
    DEFAULT_SESSION = Session(**settings)


def _session() -> Session:
    if DEFAULT_SESSION is None:
        setup_default_session()
    return DEFAULT_SESSION


def client(*arguments, **settings):
    return _session().client(*arguments, **settings)


def resource(*arguments, **settings):
    return _session().resource(*arguments, **settings)


def set_stream_logger(*_, **__):
    """There is nothing to log: no request is made here."""
