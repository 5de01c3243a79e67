"""Part of the stand-in."""

from ...._absent import absent

HKDF = absent("HKDF")
