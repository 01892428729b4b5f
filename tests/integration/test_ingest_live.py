"""Ingest on a live venue of this machine and a real broker: what it writes, and how it goes on after a restart."""

import time
from collections.abc import Callable

import pytest

from services.ingest import app
from services.ingest.settings import Settings
from tests.service_under_test import ServiceThread, context_of
from tests.venues.server import Http, Peer, Script, VenueServer, venue_server
from tests.venues.speakers import Kraken, Said, e9
from tests.waiting import eventually
from tidewheel.contracts.codecs.market import (
    DeadLetter,
    FeedEvent,
    FeedStatus,
    decode_dead_letter,
    decode_feed_status,
    decode_second,
)
from tidewheel.contracts.topics import DEAD_LETTERS, FEED_STATUS, TICKS
from tidewheel.domain.feeds import Feed
from tidewheel.domain.market import MarketSecond, SourceKind, TickFlag
from tidewheel.runtime.kafka import read_to_end
from tidewheel.runtime.process import FatalError, UnrecoverableError

pytestmark = pytest.mark.broker

INSTRUMENT = "kraken:BTC-USD"
KRAKEN = Kraken()


def settings(broker: str, server: VenueServer, **more: int) -> Settings:
    return Settings(kafka=broker, feed=Feed.parse("kraken"), venue_url=server.url, **more)  # type: ignore[arg-type]


def run(broker: str, server: VenueServer, until: Callable[[], bool], what: str, **more: int) -> None:
    """Ingest as a service, stopped once it is so."""
    own = settings(broker, server, **more)
    service = ServiceThread(lambda context: app.run(own, context), context_of("ingest"))
    try:
        eventually(lambda: until() or service.failure is not None, what)
    finally:
        service.end()


def seconds(broker: str) -> list[MarketSecond]:
    return [decode_second(message.value()) for message in read_to_end(broker, TICKS.name)]


def events(broker: str) -> list[FeedStatus]:
    return [decode_feed_status(message.value()) for message in read_to_end(broker, FEED_STATUS.name)]


def letters(broker: str) -> list[DeadLetter]:
    return [decode_dead_letter(message.value()) for message in read_to_end(broker, DEAD_LETTERS.name)]


def quotes(count: int, first: int = 1) -> list[Said]:
    return [Said("BTC/USD", f"{1000 + n}.5", f"{1001 + n}", seq=n) for n in range(first, first + count)]


def says(*quoted: Said, then: tuple[str, ...] = ()) -> Script:
    async def script(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quoted)
        for text in then:
            await peer.say(text)
        await peer.stay()

    return script


def test_quotes_become_market_seconds_and_a_restart_goes_on(broker: str) -> None:
    with venue_server(KRAKEN, says(*quotes(20), then=("{torn",)), says(*quotes(10, 21))) as server:
        run(broker, server, lambda: ticks_of(broker) >= 1, "there are ticks")
        run(broker, server, lambda: ticks_of(broker) >= 21, "there are more")
    written = seconds(broker)
    quoted = [pair for one in written for pair in zip(one.quotes.bid_e9, one.quotes.offer_e9, strict=True)]
    assert quoted == [(e9(one.bid), e9(one.offer)) for one in server.quoted]
    assert {(one.instrument, one.source_kind, one.session) for one in written} == {(INSTRUMENT, SourceKind.LIVE, 1)}
    assert [one.second for one in written] == list(range(written[0].second, written[0].second + len(written)))
    next_seq = 1
    for one in written:
        assert one.first_seq == next_seq
        next_seq += len(one.quotes)
    flagged = [flag for one in written for flag in (one.quotes.flags.tolist() or [0] * len(one.quotes))]
    assert [flags & TickFlag.GAP_BEFORE for flags in flagged] == [1, *[0] * 19, 1, *[0] * 9]
    assert (written[0].connection_epoch, written[-1].connection_epoch) == (1, 2)
    told = [(event.event, event.connection_epoch) for event in events(broker) if event.event is not FeedEvent.ACCOUNTED]
    assert told == [(event, epoch) for epoch in (1, 2) for event in (FeedEvent.CONNECTED, FeedEvent.SUBSCRIBED)]
    assert [(one.source, one.raw, one.instrument) for one in letters(broker)] == [("kraken", b"{torn", INSTRUMENT)]


def ticks_of(broker: str) -> int:
    return sum(len(one.quotes) for one in seconds(broker))


def test_a_quiet_venue_is_stale_and_a_dead_one_is_too_while_time_goes_on(broker: str) -> None:
    async def dies(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(1))
        await peer.arrived()
        peer.abort()

    with venue_server(KRAKEN, dies, Http(503)) as server:
        run(broker, server, lambda: sum(one.stale for one in seconds(broker)) >= 2, "seconds are stale", stale_s=1)
    written = seconds(broker)
    assert sum(len(one.quotes) for one in written) == 1
    assert [one.second for one in written] == list(range(written[0].second, written[0].second + len(written)))
    told = [event.event for event in events(broker)]
    assert told == [FeedEvent.CONNECTED, FeedEvent.SUBSCRIBED, FeedEvent.DISCONNECTED, FeedEvent.STALE]


def test_what_trying_does_not_change_is_not_tried_again(broker: str) -> None:
    with (
        venue_server(KRAKEN, Http(451)) as server,
        pytest.raises(UnrecoverableError, match="kraken answers with HTTP 451"),
    ):
        run(broker, server, lambda: False, "it ends")
    assert seconds(broker) == []


def test_a_log_ahead_of_the_clock_is_not_gone_on_with(broker: str) -> None:
    with venue_server(KRAKEN, says(*quotes(1))) as server:
        run(broker, server, lambda: ticks_of(broker) >= 1, "there is a tick")
        an_hour_ago = settings(broker, server)
        with pytest.raises(FatalError, match=r"3,(59|60)\d s ahead of this machine"):
            app.run(an_hour_ago, context_of("ingest"), wall=lambda: time.time_ns() - 3600 * 10**9)
