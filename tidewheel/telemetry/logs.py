"""One way to log: a line a record on standard error, UTC, service first."""

import logging
import sys
import time

from tidewheel.domain.texts import printable

MESSAGE_MAX = 10_000


class OneLineFormatter(logging.Formatter):
    """Escapes in a message what could move a cursor or begin a line that nobody logged; a traceback has its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        record.message = printable(record.message, MESSAGE_MAX)
        return super().formatMessage(record)


def configure(service: str, level: str = "INFO") -> logging.Logger:
    """Set up the root logger and return the service's own."""
    formatter = OneLineFormatter(f"%(asctime)sZ {service} %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    return logging.getLogger(service)
