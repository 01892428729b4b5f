"""Log lines as JSON: an object a line whatever they hold, with the same names for the same things."""

import json
import logging
import sys
from typing import Any

from tidewheel.telemetry.logs import JsonFormatter, of_record, of_window


def line(message: str = "hello", extra: Any = None, exc_info: Any = None) -> dict[str, Any]:
    log = logging.getLogger("test")
    record = log.makeRecord("test", logging.WARNING, "here", 1, "%s", (message,), exc_info, extra=extra)
    text = JsonFormatter("labeler").format(record)
    assert "\n" not in text
    assert text.isascii()
    return dict(json.loads(text))


def test_what_every_line_has() -> None:
    found = line()
    assert (found["service"], found["level"], found["message"]) == ("labeler", "WARNING", "hello")
    assert found["time"].endswith("Z")
    assert set(found) == {"time", "service", "level", "message"}


def test_of_a_record_it_says_where_it_lies() -> None:
    found = line(extra=of_record("ticks", 1, 7, reason="undecodable"))
    assert (found["topic"], found["partition"], found["offset"], found["reason"]) == ("ticks", 1, 7, "undecodable")


def test_of_a_window_it_says_which() -> None:
    found = line(extra=of_window("sim:A", 3, trace_id="0af7"))
    assert (found["instrument"], found["window"], found["trace_id"]) == ("sim:A", 3, "0af7")


def test_nothing_moves_the_cursor_or_begins_a_line() -> None:
    assert line("a\nb\x1b[2J", extra=of_window("sim:\n\u2028", 3))["message"] == "a\\nb\\x1b[2J"


def test_a_traceback_is_in_it() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        found = line(exc_info=sys.exc_info())
    assert "ValueError: no" in found["traceback"]


def test_what_is_no_field_of_ours_is_left_out() -> None:
    assert "color" not in line(extra={"color": "red"})
