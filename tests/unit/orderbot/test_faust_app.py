"""What Faust and aiokafka may say in our log."""

import logging

from services.orderbot.faust_app import RepeatFilter


def passes(repeat_filter: RepeatFilter, logger: str, message: str) -> bool:
    return repeat_filter.filter(logging.LogRecord(logger, logging.ERROR, __file__, 1, message, (), None))


def test_a_library_repeats_nothing_and_we_may() -> None:
    repeat_filter = RepeatFilter()
    assert passes(repeat_filter, "aiokafka.conn", "no connection")
    assert not passes(repeat_filter, "aiokafka.conn", "no connection")
    assert passes(repeat_filter, "aiokafka.conn", "something else")
    assert passes(repeat_filter, "orderbot", "ours")
    assert passes(repeat_filter, "orderbot", "ours")
