"""One way to log: a line a record on standard error, UTC, for people or as JSON.

A line that speaks of a record says where it lies, and one that speaks of a window says which, in fields that have the
same names everywhere: `of_record`, `of_window`.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from enum import StrEnum

from tidewheel.domain.texts import printable

MESSAGE_MAX = 10_000
TIME = "%Y-%m-%dT%H:%M:%S"
# What a line may say beside its message, in this order.
FIELDS = ("instrument", "window", "run", "reason", "order_id", "second", "topic", "partition", "offset", "trace_id")
Fields = Mapping[str, str | int]
# Where words for people go, whoever owns the log.
Log = logging.Logger | logging.LoggerAdapter  # type: ignore[type-arg]


class LogFormat(StrEnum):
    """How lines look."""

    TEXT = "text"
    JSON = "json"


def of_record(topic: str, partition: int, offset: int, **more: str | int) -> Fields:
    """Fields, for `extra`, of a line about a record of a topic. `more`: others of `FIELDS`."""
    return {"topic": topic, "partition": partition, "offset": offset, **more}


def of_window(instrument: str, window: int, **more: str | int) -> Fields:
    """Fields, for `extra`, of a line about a window, its run or its model: they share a number."""
    return {"instrument": instrument, "window": window, **more}


class OneLineFormatter(logging.Formatter):
    """Escapes in a message what could move a cursor or begin a line that nobody logged; a traceback has its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        record.message = printable(record.message, MESSAGE_MAX)
        return super().formatMessage(record)


class JsonFormatter(logging.Formatter):
    """One object a line, ASCII, a traceback in it."""

    def __init__(self, service: str) -> None:
        super().__init__(datefmt=TIME)
        self.converter = time.gmtime
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": f"{self.formatTime(record, TIME)}.{int(record.msecs):03d}Z",
            "service": self._service,
            "level": record.levelname,
            "message": printable(record.getMessage(), MESSAGE_MAX),
        }
        line |= {name: vars(record)[name] for name in FIELDS if name in vars(record)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(service: str, level: str = "INFO", log_format: str = LogFormat.TEXT) -> logging.Logger:
    """Set up the root logger and return the service's own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service) if log_format == LogFormat.JSON else _text_formatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    return logging.getLogger(service)


def _text_formatter(service: str) -> logging.Formatter:
    formatter = OneLineFormatter(f"%(asctime)sZ {service} %(levelname)s %(message)s", TIME)
    formatter.converter = time.gmtime
    return formatter
