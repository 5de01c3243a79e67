"""Names for type hints."""

from .config import Config


class BaseClient:
    pass
