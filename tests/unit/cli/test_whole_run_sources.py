"""What the topics tell of a whole run, record by record."""

from dataclasses import replace

from tests.conformance.make_examples import VALUES
from tests.synthetic_seconds import seconds
from tidewheel.cli.whole_run_sources import TopicFindings, feed_changes, totals
from tidewheel.contracts.codecs.market import (
    DeadLetter,
    FeedEvent,
    FeedStatus,
    encode_dead_letter,
    encode_feed_status,
    encode_second,
)
from tidewheel.contracts.codecs.orders import encode_transaction
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.contracts.topics import DEAD_LETTERS, FEED_STATUS, TICKS, TRANSACTIONS
from tidewheel.domain.market import SourceKind
from tidewheel.domain.orders import Outcome
from tidewheel.local.monitoring.collector import RawRecord
from tidewheel.report.whole_run import FeedChange, RejectedRecords

NAME = "sim:BTC-USD"
LETTER = DeadLetter("ingest", "a.csv", 0, 7, DeadLetterReason.CROSSED, "first", b"", b"3,2", NAME)


def letters(found: TopicFindings, *values: DeadLetter) -> list[RejectedRecords]:
    for one in values:
        found.take(RawRecord(DEAD_LETTERS.name, NAME.encode(), encode_dead_letter(one)))
    return list(found.rejected.values())


def test_letters_are_counted_by_who_where_and_why() -> None:
    again = replace(LETTER, offset=1_900, detail="second")
    other = replace(LETTER, service="labeler", source="ticks", partition=1, offset=3, instrument="", key=NAME.encode())
    assert letters(TopicFindings(None), LETTER, again, again, other) == [
        RejectedRecords("ingest", "a.csv", "crossed", 2, "7", "1,900", "first"),
        RejectedRecords("labeler", "ticks", "crossed", 1, "1:3", "1:3", "first"),
    ]


def test_of_one_instrument_the_letters_of_others_do_not_count() -> None:
    assert letters(TopicFindings("sim:OTHER"), LETTER) == []
    topic_letter = replace(LETTER, service="labeler", source="ticks", instrument="", key=NAME.encode())
    assert [one.count for one in letters(TopicFindings(NAME), LETTER, topic_letter)] == [1, 1]


def test_counts_of_an_instrument() -> None:
    found = TopicFindings(None)
    for second in seconds(3, instrument=NAME):
        found.take(RawRecord(TICKS.name, NAME.encode(), encode_second(second)))
    transaction = VALUES["transactions", "profit.transaction"]
    found.take(RawRecord(TRANSACTIONS.name, NAME.encode(), encode_transaction(replace(transaction, instrument=NAME))))
    found.take(RawRecord(TICKS.name, NAME.encode(), b"\xff"))
    counted = totals(found.observed.instruments[NAME])
    assert (counted.seconds, counted.ticks, counted.last_second - counted.first_second) == (3, 3, 2)
    assert counted.outcomes == {Outcome.PROFIT.name: 1}
    assert found.undecodable == 1


def test_changes_of_a_feed_are_a_line_a_kind() -> None:
    found = TopicFindings(None)
    for event, time_ns, detail in (
        (FeedEvent.CONNECTED, 0, "x.csv"),
        (FeedEvent.GAP, 5, "one"),
        (FeedEvent.GAP, 9, "two"),
        (FeedEvent.ACCOUNTED, 9, "{}"),  # told among what was rejected
    ):
        status = FeedStatus(NAME, event, time_ns, 1, detail, SourceKind.REPLAY)
        found.take(RawRecord(FEED_STATUS.name, NAME.encode(), encode_feed_status(status)))
    assert feed_changes(found.feed) == (
        FeedChange("connected", 1, 0, 0, "x.csv"),
        FeedChange("gap", 2, 5, 9, "two"),
    )
