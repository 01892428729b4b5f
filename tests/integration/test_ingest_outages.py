"""What live ingest and a replay of frames make of a broker that stands still and of a kill: nothing is lost unseen."""

import dataclasses
import itertools
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.ingest import app
from services.ingest.app import Ingest
from services.ingest.core import IngestCore
from services.ingest.live_queue import LiveQueue
from services.ingest.settings import Settings
from services.ingest.sources.frames import Frames
from services.ingest.sources.live import Live, Wanted
from tests.integration.test_ingest_live import INSTRUMENT, KRAKEN, seconds
from tests.servers import server_port
from tests.service_under_test import ServiceProcess, ServiceThread, context_of, patiently
from tests.venues.listener import quick
from tests.venues.server import Peer, venue_server
from tests.venues.speakers import Said
from tests.waiting import eventually
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.topics import TICKS
from tidewheel.domain.feeds import Feed
from tidewheel.domain.market import MarketSecond, SourceKind, TickFlag
from tidewheel.local.servers.kafka import LocalKafka, start_kafka
from tidewheel.runtime import topic_admin
from tidewheel.runtime.kafka import KAFKA, Config, Producer, read_to_end
from tidewheel.venues.frame_files import FrameWriter
from tidewheel.venues.frame_log import Header, Message

pytestmark = pytest.mark.broker

S = 1_000_000_000
QUEUE_ROWS = 60
BUFFERED_RECORDS = 4
SAID_BEFORE, SAID_AFTER = 20, 20


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[LocalKafka]:
    """A broker of this test alone, which may be stopped in its tracks."""
    server = start_kafka(tmp_path, server_port(), server_port())
    try:
        topic_admin.create(server.bootstrap, 1)
        eventually(lambda: not topic_admin.faults(server.bootstrap), "the topics are there")
        patiently(lambda: seconds(server.bootstrap))  # a moment later they are led, too
        yield server
    finally:
        os.killpg(server.process.pid, signal.SIGCONT)
        server.stop()


def small_producer(config: Config) -> Producer:
    """One whose own queue is soon full, as it is after a longer while otherwise."""
    return KAFKA.producer({**config, "queue.buffering.max.messages": BUFFERED_RECORDS})


def test_while_kafka_stands_still_the_venue_is_heard_on_and_what_is_conflated_is_flagged(
    own_broker: LocalKafka,
) -> None:
    stands_still, goes_on = threading.Event(), threading.Event()
    queue, said_meanwhile = LiveQueue(rows_max=QUEUE_ROWS), 0

    def quote(seq: int) -> Said:
        return Said("BTC/USD", f"{1000 + seq}", f"{1001 + seq}")

    async def says(peer: Peer) -> None:
        nonlocal said_meanwhile
        await peer.subscribed()
        for seq in range(1, SAID_BEFORE + 1):
            await peer.quote(quote(seq))
        await peer.until(stands_still)
        while not goes_on.is_set():
            said_meanwhile += 1
            await peer.quote(quote(SAID_BEFORE + said_meanwhile))
            await peer.arrived()  # whoever hears this answers a ping: it is not held up
            await peer.pause(0.02)
        for seq in range(1, SAID_AFTER + 1):
            await peer.quote(quote(SAID_BEFORE + said_meanwhile + seq))
            await peer.pause(0.05)
        await peer.stay()

    with venue_server(KRAKEN, says) as server:
        wanted = Wanted([quick(KRAKEN)], ["BTC-USD"], 10**10, server.url)
        source = Live(wanted, time.time_ns, time.monotonic_ns, logging.getLogger("ingest"), queue)
        context = context_of("ingest")
        settings = Settings(kafka=own_broker.bootstrap, feed=Feed.parse("kraken"))
        clients = dataclasses.replace(KAFKA, producer=small_producer)
        ingest = Ingest(settings, context, source, lambda _: 0, clients)
        service = ServiceThread(lambda _: ingest.run(source.items()), context)
        try:
            eventually(lambda: ticks_of(own_broker.bootstrap) >= SAID_BEFORE, "there are ticks")
            os.killpg(own_broker.process.pid, signal.SIGSTOP)
            stands_still.set()
            eventually(lambda: queue.conflated[INSTRUMENT] >= 20, "more is heard than is held")
            os.killpg(own_broker.process.pid, signal.SIGCONT)
            goes_on.set()
            last = 1000 + SAID_BEFORE + said_meanwhile + SAID_AFTER
            eventually(lambda: last_bid(own_broker.bootstrap) >= last, "it recovers by itself")
        finally:
            os.killpg(own_broker.process.pid, signal.SIGCONT)
            stands_still.set()
            goes_on.set()
            service.end()
        written = seconds(own_broker.bootstrap)
    check_nothing_is_lost_unseen(written, len(server.quoted), queue.conflated[INSTRUMENT])


def ticks_of(bootstrap: str) -> int:
    return sum(len(one.quotes) for one in seconds(bootstrap))


def last_bid(bootstrap: str) -> int:
    return seconds(bootstrap)[-1].close_bid_e9 // S


def check_nothing_is_lost_unseen(written: list[MarketSecond], said: int, conflated: int) -> None:
    ticks = [
        (bid // S - 1000, TickFlag(flag))
        for one in written
        for bid, flag in zip(
            one.quotes.bid_e9.tolist(), one.quotes.flags.tolist() or [0] * len(one.quotes), strict=True
        )
    ]
    numbers = [number for number, _ in ticks]
    assert numbers == sorted(set(numbers)), "none twice, none out of order"
    assert len(ticks) + conflated == said
    assert numbers[: SAID_BEFORE + QUEUE_ROWS] == list(range(1, SAID_BEFORE + QUEUE_ROWS + 1)), "none up to the bound"
    for (before, _), (number, flags) in itertools.pairwise(ticks):
        assert (TickFlag.CONFLATED in flags) == (number != before + 1), "who stands for others says so"
    assert numbers[-SAID_AFTER:] == list(range(said - SAID_AFTER + 1, said + 1)), "none once it has recovered"
    assert [one.second for one in written] == list(range(written[0].second, written[0].second + len(written)))
    assert {(one.session, one.source_kind) for one in written} == {(1, SourceKind.LIVE)}


def recorded(path: Path, count: int = 2_000) -> Path:
    with FrameWriter(path, Header("kraken", ("BTC-USD",))) as writer:
        for n in range(count):
            at_ns = 1_700_000_000 * S + n * 200_000_000
            if n % 700 == 699:
                writer.write(Message(at_ns, 1 + n // 700, "", lost=True))
            text = "{torn" if n % 90 == 7 else KRAKEN.quote(Said("BTC/USD", f"{1000 + n % 50}", f"{1001 + n % 50}"))
            writer.write(Message(at_ns, 1 + n // 700, text))
    return path


def undisturbed(path: Path) -> list[bytes]:
    """The market seconds of a replay that nothing stops."""
    settings = Settings()
    core = IngestCore("replay:BTC-USD", SourceKind.REPLAY, settings.rules)
    records = [record for batch in Frames(path, ["BTC-USD"], 10**10).items() for record in core.on_item(batch)]
    return [encode_second(one) for one in (*records, *core.on_end()) if isinstance(one, MarketSecond)]


@pytest.mark.parametrize("killed_after_s", [1, 137, 300])
def test_a_replay_of_frames_that_was_killed_goes_on_to_the_same_ticks(
    broker: str, tmp_path: Path, killed_after_s: int
) -> None:
    path = recorded(tmp_path / "day.frames.jsonl.zst")
    program = {"KAFKA": broker, "FEED": f"replay:{path}", "SPEED": "max", "AHEAD_MAX_S": str(killed_after_s)}
    with ServiceProcess("ingest", tmp_path, **program) as process:
        eventually(lambda: len(payloads(broker)) == killed_after_s, "it waits for a labeler that never comes")
        process.kill()
    whole = undisturbed(path)
    assert payloads(broker) == whole[:killed_after_s]
    feed = Feed.parse(f"replay:{path}")
    app.run(Settings(kafka=broker, feed=feed, speed=float("inf"), ahead_max_s=0), context_of("ingest"))
    assert payloads(broker) == whole


def payloads(broker: str) -> list[bytes]:
    return [message.value() or b"" for message in read_to_end(broker, TICKS.name)]
