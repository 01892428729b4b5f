"""What a log line may hold."""

import logging

import pytest

from tidewheel.domain.texts import printable
from tidewheel.telemetry.logs import OneLineFormatter


def formatted(message: str, **more: object) -> str:
    record = logging.LogRecord("test", logging.INFO, "here", 1, "%s", (message,), None, **more)  # type: ignore[arg-type]
    return OneLineFormatter("%(levelname)s %(message)s").format(record)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – text", "plain – text"),
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202eright", "\\u202eright"),
        ("\x00\x9b", "\\x00\\x9b"),
    ],
)
def test_nothing_moves_the_cursor_or_begins_a_line(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert formatted(text) == f"INFO {shown}"


def test_it_is_cut() -> None:
    assert printable("x" * 1_000, 10) == "x" * 9 + "…"
    assert len(printable("\x00" * 10**6, 10)) == 10


def test_a_traceback_keeps_its_lines() -> None:
    record = logging.LogRecord("test", logging.ERROR, "here", 1, "crashed", (), None)
    record.exc_text = "Traceback\n  line"
    assert OneLineFormatter("%(message)s").format(record) == "crashed\nTraceback\n  line"
