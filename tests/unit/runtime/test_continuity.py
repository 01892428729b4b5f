"""Breaks are counted one by one and said once a stretch."""

import logging

import pytest

from tests.predictors import metric_value
from tidewheel.domain.continuity import NEXT, SequenceChecker
from tidewheel.runtime.continuity import LOGGED_EACH_MAX, ContinuityMonitor

TOPIC = "a topic of the test"


def counted() -> tuple[float, float]:
    labels = {"service": "test", "topic": TOPIC}
    repeated, missing = (metric_value(f"tidewheel_records_{what}_total", **labels) for what in ("repeated", "missing"))
    return repeated, missing


def read(numbers: list[int]) -> None:
    checker, breaks = SequenceChecker("example_seq"), ContinuityMonitor("test", TOPIC)
    for offset, number in enumerate(numbers):
        if (arrival := checker.take(number)) is not NEXT:
            breaks.record("sim:A", arrival, 1, offset)


@pytest.mark.parametrize(
    ("numbers", "repeated", "missing", "lines"),
    [
        ([4, 5, 6], 0, 0, 0),
        ([1, 2, 3, 1, 2, 3, 4], 3, 0, 1),
        ([1, 2, 3, 1, 2, 3, 4, 2, 3], 5, 0, 2),
        ([1, 4, 6, 8], 0, 4, 1),
        ([1, 4, 5, 9], 0, 5, 2),
        ([1, 4, 4, 4], 2, 2, 1),
    ],
)
def test_one_line_a_stretch(
    numbers: list[int], repeated: int, missing: int, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted()
    read(numbers)
    assert counted() == (before[0] + repeated, before[1] + missing)
    assert len(caplog.records) == lines


def test_the_line_names_place_and_numbers(caplog: pytest.LogCaptureFixture) -> None:
    read([1, 2, 5])
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    for words in (TOPIC, "sim:A", "partition 1, offset 2", "example_seq 5 came where 3 was due, 2 are missing"):
        assert words in record.getMessage()


def test_a_great_many_stretches_are_not_said_each_time(caplog: pytest.LogCaptureFixture) -> None:
    read([number for at in range(1, 150) for number in (at, at)])
    assert len(caplog.records) == LOGGED_EACH_MAX + 1
