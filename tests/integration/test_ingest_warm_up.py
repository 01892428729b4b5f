"""From recordings to a live venue on a real broker: the seam is in the log, and no restart replays what it holds."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.ingest import app
from services.ingest.settings import Settings
from tests.integration.test_ingest_live import KRAKEN, events, quotes, says, seconds
from tests.service_under_test import ServiceThread, context_of
from tests.unit.ingest.test_warm_up import frames
from tests.unit.ingest.test_warm_up import quotes as recorded
from tests.venues.server import venue_server
from tests.waiting import eventually
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.domain.feeds import Feed
from tidewheel.domain.market import MarketSecond, SourceKind, TickFlag
from tidewheel.runtime.process import UnrecoverableError

pytestmark = pytest.mark.broker

BTC, ETH = "kraken:BTC-USD", "kraken:ETH-USD"
HISTORY_S = 300


def run(broker: str, url: str, until: Callable[[], bool], what: str, *warm_up: Path, ahead_max_s: int = 0) -> None:
    own = Settings(kafka=broker, feed=Feed.parse("kraken"), venue_url=url, warm_up=warm_up, ahead_max_s=ahead_max_s)
    service = ServiceThread(lambda context: app.run(own, context), context_of("ingest"))
    try:
        eventually(lambda: until() or service.failure is not None, what)
    finally:
        service.end()


def live(broker: str) -> list[MarketSecond]:
    return [one for one in seconds(broker) if one.source_kind is SourceKind.LIVE and len(one.quotes)]


def check_seam(written: list[MarketSecond]) -> None:
    kinds = [one.source_kind for one in written]
    count = kinds.count(SourceKind.REPLAY)
    assert kinds == [SourceKind.REPLAY] * count + [SourceKind.LIVE] * (len(kinds) - count)
    before, first = written[count - 1], written[count]
    assert [one.ends_session for one in written[:count]] == [*[False] * (count - 1), True]
    assert (before.session, first.session) == (1, 2)
    assert first.first_of_session
    assert first.quotes.flags[0] & TickFlag.GAP_BEFORE
    assert first.connection_epoch == before.connection_epoch + 1
    next_seq = 1
    for one in written:
        assert one.first_seq == next_seq
        next_seq += len(one.quotes)


def test_history_is_replayed_and_what_comes_live_is_a_session_of_its_own(broker: str, tmp_path: Path) -> None:
    history = recorded(tmp_path / "day.csv", 0, HISTORY_S)
    with venue_server(KRAKEN, says(*quotes(20))) as server:
        # No labeler takes what is written: it stops after 100 seconds, and ends there.
        run(broker, server.url, lambda: len(seconds(broker)) >= 100, "a third", history, ahead_max_s=100)
        assert len(seconds(broker)) == 100
        assert server.connections == 0
        run(broker, server.url, lambda: bool(live(broker)), "live seconds", history)
        once = seconds(broker)
        check_seam(once)
        assert [one.second - once[0].second for one in once[:HISTORY_S]] == list(range(HISTORY_S))
        told = [one.event for one in events(broker) if one.event is not FeedEvent.ACCOUNTED]
        begun = [FeedEvent.CONNECTED, FeedEvent.SUBSCRIBED]
        assert told == [*begun, *begun, FeedEvent.DISCONNECTED, *begun, FeedEvent.GAP]
        history.unlink()  # nobody needs it any more
        count = len(live(broker))
        run(broker, server.url, lambda: len(live(broker)) > count, "more live seconds", history)
    assert [one.second for one in seconds(broker)] == sorted({one.second for one in seconds(broker)})
    assert [one.source_kind for one in seconds(broker)].count(SourceKind.REPLAY) == HISTORY_S


def test_another_history_than_the_log_has_is_refused(broker: str, tmp_path: Path) -> None:
    with venue_server(KRAKEN, says(*quotes(20))) as server:
        history = recorded(tmp_path / "day.csv", 0, HISTORY_S)
        run(broker, server.url, lambda: len(seconds(broker)) >= 100, "a third", history, ahead_max_s=100)
        other = frames(tmp_path / "other.frames.jsonl.zst", 50, 200)
        other_text = "warm-up:other.frames.jsonl.zst does not continue the log of kraken:BTC-USD"
        with pytest.raises(UnrecoverableError, match=other_text):
            run(broker, server.url, lambda: False, "it ends", recorded_wrongly(other))
    assert len(seconds(broker)) == 100


def recorded_wrongly(path: Path) -> Path:
    """Frames whose quotes lie half a second later than the log's would."""
    from tests.venues.speakers import Said
    from tidewheel.venues.frame_files import FrameWriter
    from tidewheel.venues.frame_log import Header, Message

    path.unlink()
    with FrameWriter(path, Header("kraken", ("BTC-USD",))) as writer:
        for n in range(200):
            at_ns = 1_700_000_050_500_000_000 + n * 10**9
            writer.write(Message(at_ns, 1, KRAKEN.quote(Said("BTC/USD", f"{100 + n}", f"{101 + n}"))))
    return path


def test_a_recording_of_the_same_venue_warms_up_each_of_its_instruments(broker: str, tmp_path: Path) -> None:
    path = frames(tmp_path / "day.frames.jsonl.zst", 0, HISTORY_S, connections=2)
    own_quotes = [one.but(symbol=symbol) for one in quotes(5) for symbol in ("BTC/USD", "ETH/USD")]
    with venue_server(KRAKEN, says(*own_quotes)) as server:
        own = Settings(
            kafka=broker,
            feed=Feed.parse("kraken"),
            instrument="BTC-USD,ETH-USD",
            venue_url=server.url,
            warm_up=(path,),
            ahead_max_s=0,
        )
        service = ServiceThread(lambda context: app.run(own, context), context_of("ingest"))
        try:
            eventually(
                lambda: {one.instrument for one in live(broker)} == {BTC, ETH} or service.failure is not None,
                "both are live",
            )
        finally:
            service.end()
    for instrument in (BTC, ETH):
        written = [one for one in seconds(broker) if one.instrument == instrument]
        check_seam(written)
        assert {one.connection_epoch for one in written} == {1, 2, 3}
        assert written[-1].last_seq == HISTORY_S + 5
    assert time.time() - seconds(broker)[-1].second < 3600
