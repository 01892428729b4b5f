"""What is rejected, and how much of it before a service stops."""

import pytest
from confluent_kafka import Message

from tidewheel.contracts.codecs.market import decode_dead_letter, decode_second
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.contracts.topics import TICKS
from tidewheel.domain.market import check_instrument
from tidewheel.runtime.dead_letters import DeadLetterLimit, DeadLetterQueue
from tidewheel.runtime.process import FatalError
from tidewheel.wire.v1 import market_pb2


def test_a_few_in_a_row_pass_and_one_more_stops() -> None:
    limit = DeadLetterLimit(run_max=3, share_max=1.0)
    for _ in range(5):
        limit.accepted(100)
        for _ in range(3):
            limit.rejected()
    with pytest.raises(FatalError, match="4 bad records in a row"):
        limit.rejected()


def test_no_good_one_between_two_bad_ones_leaves_them_in_a_row() -> None:
    limit = DeadLetterLimit(run_max=3, share_max=1.0)
    limit.accepted(1_000_000)
    for _ in range(3):
        limit.rejected()
        limit.accepted(0)
    with pytest.raises(FatalError, match="4 bad records in a row"):
        limit.rejected()


def test_more_than_the_share_stops_but_not_of_a_handful() -> None:
    limit = DeadLetterLimit(run_max=10, share_max=0.5)
    for _ in range(10):  # of the first twenty, half
        limit.rejected()
        limit.accepted()
    with pytest.raises(FatalError, match="11 of the last 21 records were bad"):
        limit.rejected()


def letters_till_it_stops(limit: DeadLetterLimit, good_to_one_bad: int) -> int:
    for dead_letters in range(10_000):
        limit.accepted(good_to_one_bad)
        try:
            limit.rejected()
        except FatalError:
            return dead_letters
    return 10_000


def test_one_of_two_instruments_that_turned_to_garbage_is_not_drained_whatever_was_before() -> None:
    """A labeler reads its seconds, which are bad, and the other's seconds and orders."""
    limit = DeadLetterLimit()
    assert letters_till_it_stops(limit, good_to_one_bad=4) == 10_000, "a fifth may be bad, for ever"
    assert letters_till_it_stops(limit, good_to_one_bad=2) < 4_000


def test_a_long_past_without_a_bad_one_excuses_nothing() -> None:
    limit = DeadLetterLimit()
    limit.accepted(10**9)
    assert 1_000 < letters_till_it_stops(limit, good_to_one_bad=1) < 4_000


class Sent:
    """A producer that remembers."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def produce(self, topic: str, value: bytes, key: str) -> None:
        self.values.append(value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"k", b"\xff" * 950_000),
        (b"k" * 950_000, b"\xff" * 90_000),
        (b"k", market_pb2.MarketSecond(instrument="\x01" * 950_000).SerializeToString()),
    ],
    ids=["value", "key", "detail"],
)
def test_a_letter_always_fits_into_a_record(key: bytes, value: bytes) -> None:
    sent = Sent()
    with pytest.raises(InvalidRecordError) as failure:
        decode_second(value)
    message = Message(topic=TICKS.name, partition=1, offset=7, key=key, value=value)  # type: ignore[call-arg]
    DeadLetterQueue("test", sent).record(message, failure.value)
    (dead_letter,) = sent.values
    assert len(dead_letter) < 110_000
    written = decode_dead_letter(dead_letter)
    assert (written.service, written.source, written.partition, written.offset) == ("test", TICKS.name, 1, 7)


def test_an_endless_detail_is_cut() -> None:
    sent = Sent()
    queue = DeadLetterQueue("test", sent)
    queue.put(queue.make("a file", -1, 7, DeadLetterReason.MALFORMED, "no number: " + "x" * 950_000, raw=b"x"))
    (dead_letter,) = sent.values
    assert len(dead_letter) < 1_000


def test_words_on_an_endless_instrument_are_short() -> None:
    with pytest.raises(ValueError, match="is no instrument id") as failure:
        check_instrument("\x01" * 950_000)
    assert len(str(failure.value)) < 500
