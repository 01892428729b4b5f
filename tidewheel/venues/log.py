"""Where words for people go, whoever owns the log."""

from logging import Logger, LoggerAdapter

Log = Logger | LoggerAdapter  # type: ignore[type-arg]
