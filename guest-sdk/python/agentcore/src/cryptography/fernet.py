"""Part of the stand-in."""

from ._absent import absent

Fernet = absent("Fernet")


class InvalidToken(Exception):
    pass
