"""What the view says of a live feed, counted from its words and its ticks."""

from dataclasses import replace

import numpy as np

from tests.unit.local.test_observed import second
from tests.unit.local.values import NAME
from tidewheel.contracts.codecs.market import DeadLetter, FeedEvent, FeedStatus
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import MarketSecond, SourceKind, TickFlag
from tidewheel.local.monitoring.feed_health import SKEW_SECONDS, FeedHealth
from tidewheel.local.monitoring.observed import ObservedSystem


def status(event: FeedEvent, time_ns: int, kind: SourceKind = SourceKind.LIVE) -> FeedStatus:
    return FeedStatus(NAME, event, time_ns, 1, "", kind)


def live(number: int, first_seq: int, *flags: TickFlag, late_ms: int | None = None) -> MarketSecond:
    one = second(number, first_seq, len(flags))
    venue = np.full(len(flags), 0 if late_ms is None else number * 10**9 - late_ms * 10**6, dtype=np.int64)
    quotes = replace(one.quotes, flags=np.array(flags, dtype=np.uint16), venue_time_ns=venue)
    return replace(one, quotes=quotes, source_kind=SourceKind.LIVE, last_tick_ns=number * 10**9)


def test_it_is_subscribed_until_it_is_lost_and_a_recording_never_is() -> None:
    health = FeedHealth()
    health.on_status(status(FeedEvent.SUBSCRIBED, 5, SourceKind.REPLAY))
    assert health.since_ns == 0
    for event, at_ns in ((FeedEvent.CONNECTED, 6), (FeedEvent.SUBSCRIBED, 7), (FeedEvent.GAP, 8)):
        health.on_status(status(event, at_ns))
    assert (health.since_ns, health.lost) == (7, 0)
    health.on_status(status(FeedEvent.DISCONNECTED, 9))
    assert (health.since_ns, health.lost) == (0, 1)


def test_gaps_and_conflated_are_counted_by_the_ticks_that_say_so() -> None:
    health, gap, conflated = FeedHealth(), TickFlag.GAP_BEFORE, TickFlag.CONFLATED
    health.on_second(live(1, 1, gap, TickFlag(0), conflated))
    assert (health.gaps, health.conflated, health.last_tick_ns) == (0, 1, 10**9), "before the first there is nothing"
    health.on_second(live(2, 4, gap | conflated, gap))
    assert (health.gaps, health.conflated) == (2, 2)


def test_skew_is_the_smallest_difference_of_the_last_minute() -> None:
    health = FeedHealth()
    health.on_second(live(1, 1, TickFlag(0)))
    assert health.skew_ns is None, "a venue without a time says nothing of its clock"
    for number, late_ms in enumerate((-30, 80, 20), start=2):
        health.on_second(live(number, number, TickFlag(0), late_ms=late_ms))
    assert health.skew_ns == -30_000_000
    for number in range(10, 10 + SKEW_SECONDS):
        health.on_second(live(number, number, TickFlag(0), late_ms=50))
    assert health.skew_ns == 50_000_000


def test_rejected_quotes_are_those_of_ingest_and_the_instrument_once_each() -> None:
    seen = ObservedSystem()
    letter = DeadLetter("ingest", "kraken", -1, 3, DeadLetterReason.CROSSED, "", b"", b"", NAME)
    seen.on_record(letter)
    assert NAME not in seen.instruments, "a letter alone makes no instrument"
    seen.on_record(second(1, 1, 1))
    for other in (letter, replace(letter, offset=4), replace(letter, offset=5, instrument="sim:X")):
        seen.on_record(other)
    seen.on_record(replace(letter, offset=6, service="labeler"))
    assert seen.instruments[NAME].market.health.rejected == 2
