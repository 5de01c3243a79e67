"""Part of the stand-in."""

from ..._absent import absent

SHA256, SHA384, SHA512 = absent("SHA256"), absent("SHA384"), absent("SHA512")
