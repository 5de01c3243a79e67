"""Part of the stand-in."""

from ...._absent import absent

AESGCM = absent("AESGCM")
