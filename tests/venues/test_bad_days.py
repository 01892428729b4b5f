"""Bad days at a venue: of each it is stated what the ticks, the words on the feed, the metrics and the log must be.

What concerns one connection and its ticks stands in `test_conformance.py`, how long is waited in
`tests/unit/venues/test_connection_life.py`.
"""

import dataclasses
import logging
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.ingest.live_queue import LiveQueue
from tests.certificates import Authority
from tests.venues.listener import Listener, listening, quick
from tests.venues.server import Http, Peer, Script, venue_server
from tests.venues.speakers import Binance, Kraken, Okx, Said
from tests.waiting import eventually
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import TickFlag
from tidewheel.recordings.quotes import SourceError
from tidewheel.telemetry.metrics import REGISTRY
from tidewheel.venues.live_clock import ClockWentBackError
from tidewheel.venues.symbol_state import LATE_MAX

KRAKEN, BINANCE, OKX = Kraken(), Binance(), Okx()
S = 1_000_000_000
GAP, CONFLATED = TickFlag.GAP_BEFORE, TickFlag.CONFLATED
CONNECTED, SUBSCRIBED, DISCONNECTED = FeedEvent.CONNECTED, FeedEvent.SUBSCRIBED, FeedEvent.DISCONNECTED


def quotes(count: int, first: int = 1, wire: str = "BTC/USD") -> list[Said]:
    return [Said(wire, f"{1000 + n}", f"{1001 + n}", seq=n) for n in range(first, first + count)]


def says(count: int, first: int = 1, wire: str = "BTC/USD") -> Script:
    """Subscribes, says some quotes and stays."""

    async def script(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(count, first, wire))
        await peer.stay()

    return script


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"tidewheel_{name}", labels) or 0.0


class Moved:
    """How far metrics have moved since this was made."""

    def __init__(self) -> None:
        self._before: dict[object, float] = {}
        for family in REGISTRY.collect():
            for sample in family.samples:
                self._before[sample.name, frozenset(sample.labels.items())] = sample.value

    def by(self, name: str, **labels: str) -> float:
        name = f"tidewheel_{name}"
        before = self._before.get((name, frozenset(labels.items())), 0.0)
        return (REGISTRY.get_sample_value(name, labels) or 0.0) - before


def has_ticks(count: int) -> Callable[[Listener], bool]:
    return lambda listener: len(listener.ticks) >= count


@pytest.mark.parametrize(("status", "words"), [(401, "credentials"), (403, "forbidden"), (451, "reasons of law")])
def test_an_answer_that_trying_does_not_change_ends_it_with_a_sentence(status: int, words: str) -> None:
    with (
        venue_server(KRAKEN, Http(status)) as server,
        listening([quick(KRAKEN)], ["BTC-USD"], server.url) as listener,
        pytest.raises(SourceError, match=f"kraken answers with HTTP {status}: .*{words}"),
    ):
        listener.until(lambda _: False)
    assert (listener.ticks, listener.events, server.connections) == ([], [], 1)


@pytest.mark.parametrize("answer", [Http(429, {"Retry-After": "1"}), Http(503), Http(500), Http(404)])
def test_a_busy_venue_is_asked_again(answer: Http, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    moved = Moved()
    with (
        venue_server(KRAKEN, answer, says(3)) as server,
        listening([quick(KRAKEN)], ["BTC-USD"], server.url) as listener,
    ):
        listener.until(has_ticks(3))
    assert [tick.flags for tick in listener.ticks] == [GAP, 0, 0]
    assert listener.events == [CONNECTED, SUBSCRIBED]
    assert f"kraken: refused: HTTP {answer.status}; the next try is in" in caplog.text
    assert moved.by("venue_connections_lost_total", venue="kraken", reason="refused") == 1
    assert moved.by("venue_connections_total", venue="kraken") == 1
    assert moved.by("venue_frames_total", venue="kraken", outcome="tick") == 3
    assert metric("venue_serving", venue="kraken") == 1


def test_one_that_accepts_and_drops_is_said_once_and_tried_on(caplog: pytest.LogCaptureFixture) -> None:
    async def drops(peer: Peer) -> None:
        await peer.asked()
        await peer.socket.close(1008, "no")

    moved = Moved()
    with (
        venue_server(KRAKEN, drops, drops, drops, says(2)) as server,
        listening([quick(KRAKEN)], ["BTC-USD"], server.url) as listener,
    ):
        listener.until(has_ticks(2))
    assert [tick.flags for tick in listener.ticks] == [GAP, 0]
    assert listener.events == [CONNECTED] * 4 + [SUBSCRIBED]
    assert caplog.text.count("kraken: closed: code 1008, no") == 1
    assert moved.by("venue_connections_lost_total", venue="kraken", reason="closed") == 3


def failing(url: str, words: str, caplog: pytest.LogCaptureFixture) -> None:
    moved = Moved()
    with listening([quick(KRAKEN)], ["BTC-USD"], url) as listener:
        listener.until(lambda one: len(one.marks) >= 2 and words in caplog.text, words)
    assert (listener.ticks, listener.events) == ([], [])
    assert moved.by("venue_connections_lost_total", venue="kraken", reason="failed") >= 1
    assert metric("venue_serving", venue="kraken") == 0
    assert listener.marks == sorted(listener.marks), "market time goes on"


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Authority(tmp_path, "stranger").issue("server"))
    with venue_server(KRAKEN, says(1), tls=context) as server:
        failing(server.url, "its certificate cannot be trusted", caplog)
    assert server.quoted == []


def test_a_name_that_cannot_be_resolved(caplog: pytest.LogCaptureFixture) -> None:
    failing("ws://venue.invalid:1/", "its name cannot be resolved", caplog)


def test_nobody_there(caplog: pytest.LogCaptureFixture) -> None:
    with venue_server(KRAKEN, says(1)) as server:
        url = server.url
    failing(url, "nothing answers at its address", caplog)


def test_time_goes_on_while_the_feed_is_dead() -> None:
    async def dies(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(1))
        await peer.arrived()
        peer.abort()

    with venue_server(KRAKEN, dies, Http(503)) as server, listening([quick(KRAKEN)], ["BTC-USD"], server.url) as heard:
        heard.until(lambda one: DISCONNECTED in one.events)
        seen = len(heard.marks)
        heard.until(lambda one: len(one.marks) >= seen + 3)
    assert len(heard.ticks) == 1, "no old quote is sent as a new one"
    assert heard.marks == sorted(set(heard.marks))
    assert all(mark % S == 0 for mark in heard.marks)


def test_who_cannot_keep_up_gets_the_latest_and_is_told() -> None:
    heard_all, queue = threading.Event(), LiveQueue(rows_max=5)

    async def floods(peer: Peer) -> None:
        await peer.subscribed()
        await peer.until(begin)
        await peer.quote(*quotes(20))
        await peer.arrived()
        heard_all.set()
        await peer.until(drained)
        await peer.quote(*quotes(3, 21))
        await peer.stay()

    begin, drained, moved = threading.Event(), threading.Event(), Moved()
    with (
        venue_server(KRAKEN, floods) as server,
        listening([quick(KRAKEN)], ["BTC-USD"], server.url, queue=queue) as listener,
    ):
        try:
            listener.until(lambda one: SUBSCRIBED in one.events)
            begin.set()
            eventually(lambda: heard_all.is_set() and len(queue) > 5, "all has been heard")
            eventually(lambda: queue.conflated["kraken:BTC-USD"] + len(queue) == 20, "all has been heard")
            listener.until(lambda one: bool(one.ticks) and one.ticks[-1].bid_e9 == 1020 * S)
            drained.set()
            listener.until(lambda one: one.ticks[-1].bid_e9 == 1023 * S)
        finally:
            begin.set()
            drained.set()
    ticks = [(tick.bid_e9 // S, tick.flags) for tick in listener.ticks]
    conflated = int(moved.by("quotes_conflated_total", venue="kraken"))
    assert len(ticks) + conflated == 23
    assert [bid for bid, _ in ticks] == sorted(bid for bid, _ in ticks)
    assert conflated >= 5
    assert ticks[0] == (1001, GAP)
    assert {flags for _, flags in ticks[5:-3]} == {CONFLATED}
    assert [flags for _, flags in ticks[1:5]] == [0] * 4


def test_a_line_that_holds_quotes_back_is_given_up_for_another(caplog: pytest.LogCaptureFixture) -> None:
    """More of them than the run of bad records that ends a process; the venue's own clock is as late in the end."""

    async def holds_back(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*timed(3, 1, 0), *timed(2000, 4, 60), *timed(10, 2004, 0))
        await peer.stay()

    async def is_late_itself(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*timed(500, 2014, 60))
        await peer.stay()

    def timed(count: int, first: int, late_s: int) -> list[Said]:
        now_us = time.time_ns() // 1000 - late_s * 10**6
        return [said.but(time_us=now_us + 1000 * n) for n, said in enumerate(quotes(count, first, OKX.wire))]

    moved = Moved()
    with (
        venue_server(OKX, holds_back, is_late_itself) as server,
        listening([quick(OKX)], [OKX.symbol], server.url) as listener,
    ):
        listener.until(has_ticks(503))
    assert [tick.flags for tick in listener.ticks] == [GAP, 0, 0, GAP, *[0] * 499]
    assert [tick.epoch for tick in listener.ticks] == [1] * 3 + [2] * 500
    assert listener.events == [CONNECTED, SUBSCRIBED, DISCONNECTED, CONNECTED, SUBSCRIBED]
    assert {row.reason for _, row in listener.rejected} == {DeadLetterReason.STRAY_TIME}
    assert len(listener.rejected) == LATE_MAX
    assert f"okx: late: {LATE_MAX} quotes in a row came long after the venue's time of them" in caplog.text
    assert moved.by("venue_connections_lost_total", venue="okx", reason="late") == 1


def test_of_two_venues_the_trouble_of_one_is_not_the_others() -> None:
    with (
        venue_server(KRAKEN, Http(503)) as dead,
        venue_server(BINANCE, says(10, wire="BTCUSDT")) as well,
    ):
        adapters = [
            dataclasses.replace(quick(speaker), urls=(server.url,))
            for speaker, server in ((KRAKEN, dead), (BINANCE, well))
        ]
        with listening(adapters, ["BTC-USDT"], "") as listener:
            listener.until(lambda one: len(one.ticks) >= 10 and dead.connections >= 2)
    assert {tick.instrument for tick in listener.ticks} == {"binance:BTC-USDT"}
    assert {change.instrument for change in listener.changes} == {"binance:BTC-USDT"}
    assert listener.live.instruments == ("kraken:BTC-USDT", "binance:BTC-USDT")


class FastClocks:
    """Both clocks of a machine, many times as fast; the wall clock can be set."""

    def __init__(self, rate: int = 20) -> None:
        self._rate, self._start, self._wall_start = rate, time.monotonic_ns(), time.time_ns()
        self.set_by_ns = 0

    def monotonic(self) -> int:
        return (time.monotonic_ns() - self._start) * self._rate

    def wall(self) -> int:
        return self._wall_start + self.monotonic() + self.set_by_ns


def test_a_clock_that_is_set_forward_is_a_gap_and_one_that_slips_for_a_moment_is_nothing() -> None:
    step, is_set = 3600 * S, threading.Event()
    clocks = FastClocks()

    async def script(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(2))
        await peer.until(is_set)
        await peer.quote(*quotes(2, 3))
        await peer.stay()

    with (
        venue_server(KRAKEN, script) as server,
        listening([quick(KRAKEN)], ["BTC-USD"], server.url, wall=clocks.wall, monotonic=clocks.monotonic) as listener,
    ):
        try:
            listener.until(has_ticks(2))
            clocks.set_by_ns = step
            listener.until(lambda one: FeedEvent.GAP in one.events)
            is_set.set()
            listener.until(has_ticks(4))
        finally:
            is_set.set()
    (gap,) = [change for change in listener.changes if change.event is FeedEvent.GAP]
    assert "this machine's clock was set forward by 3,6" in gap.detail
    assert [tick.flags for tick in listener.ticks] == [GAP, 0, GAP, 0]
    assert listener.ticks[2].time_ns - listener.ticks[1].time_ns > step
    assert listener.marks == sorted(set(listener.marks))


def test_a_clock_that_goes_far_back_ends_it_with_a_sentence() -> None:
    clocks = FastClocks()
    with (
        venue_server(KRAKEN, says(2)) as server,
        listening([quick(KRAKEN)], ["BTC-USD"], server.url, wall=clocks.wall, monotonic=clocks.monotonic) as listener,
    ):
        listener.until(has_ticks(2))
        clocks.set_by_ns = -3600 * S
        with pytest.raises(ClockWentBackError, match="went back by 3,600 s"):
            listener.until(lambda _: False)
        clocks.set_by_ns = 0
    assert [tick.flags for tick in listener.ticks] == [GAP, 0]
