"""What Faust and aiokafka may say in our log."""

import logging

from services.orderbot.faust_app import Sparing


def passes(sparing: Sparing, logger: str, words: str) -> bool:
    return sparing.filter(logging.LogRecord(logger, logging.ERROR, __file__, 1, words, (), None))


def test_a_library_repeats_nothing_and_we_may() -> None:
    sparing = Sparing()
    assert passes(sparing, "aiokafka.conn", "no connection")
    assert not passes(sparing, "aiokafka.conn", "no connection")
    assert passes(sparing, "aiokafka.conn", "something else")
    assert passes(sparing, "orderbot", "ours")
    assert passes(sparing, "orderbot", "ours")
