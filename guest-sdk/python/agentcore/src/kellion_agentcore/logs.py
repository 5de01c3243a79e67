"""Records of logging's stream handlers, each at its own level: as text they would all be warnings."""

import logging

from kellion import log
from kellion._output import Writer, level_of


def install() -> None:
    """Lets stream handlers write to the session's log itself."""
    emit = logging.StreamHandler.emit

    def emit_at_level(self, record):
        if not isinstance(self.stream, Writer):
            emit(self, record)
            return
        try:
            log.write(level_of(record.levelno), self.format(record))
        except Exception:
            self.handleError(record)

    logging.StreamHandler.emit = emit_at_level
    # It has a handler of its own; the root's would tell all of it twice.
    logging.getLogger("bedrock_agentcore.app").propagate = False
