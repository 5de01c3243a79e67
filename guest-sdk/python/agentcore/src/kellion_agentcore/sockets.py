"""Sockets: there are none, and whoever opens one is told so."""

import socket

from .errors import refuse

_INSTEAD = "it has no network. Models are reached through boto3's bedrock-runtime or strands' BedrockModel"


class NoNetwork(OSError):
    """As what network libraries expect of a socket that cannot be had."""


def _refuse(what):
    def function(*_, **__):
        raise NoNetwork(str(refuse(what, _INSTEAD)))

    return function


def install() -> None:
    """Makes all that opens a connection fail with a reason. Types stay what they are, so that imports go well."""
    for name in ("gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo"):
        setattr(socket, name, _refuse(f"socket.{name}"))
    socket.socket.__init__ = _refuse("socket.socket")
    socket.create_connection = _refuse("socket.create_connection")
    socket.getaddrinfo = _refuse("socket.getaddrinfo")
    socket.create_server = _refuse("socket.create_server")
