"""Ingest as a service on a real broker: what it writes, how it goes on, how it ends."""

import gzip
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Queue
from random import Random
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from services.ingest import app, kafka_log
from services.ingest.kafka_log import last_second
from services.ingest.publisher import Publisher
from services.ingest.settings import Settings
from tests.conftest import PARTITIONS
from tests.service_under_test import context_of
from tests.unit.ingest.oracle import Row, expected
from tests.unit.ingest.rows import plain
from tests.waiting import LIMIT_S
from tidewheel.contracts.codecs.market import (
    DeadLetter,
    FeedEvent,
    FeedStatus,
    decode_dead_letter,
    decode_feed_status,
    decode_second,
)
from tidewheel.contracts.partitioning import partition_of
from tidewheel.contracts.topics import DEAD_LETTERS, FEED_STATUS, LABELER_GROUP, TICKS
from tidewheel.domain.feeds import Feed
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.runtime.kafka import read_to_end
from tidewheel.runtime.process import FatalError, UnrecoverableError

pytestmark = pytest.mark.broker

S = 1_000_000_000
START_MS = 1_700_000_000_000
INSTRUMENT = "replay:BTC-USD"


def settings(broker: str, feed: Path | str, **more: Any) -> Settings:
    parsed = Feed.parse(feed if isinstance(feed, str) else f"replay:{feed}")
    return Settings(**{"kafka": broker, "feed": parsed, "speed": float("inf"), "ahead_max_s": 0, **more})


def ingest(broker: str, feed: Path | str, **more: Any) -> None:
    app.run(settings(broker, feed, **more), context_of("ingest"))


def payloads(broker: str) -> list[bytes]:
    return [m.value() or b"" for m in read_to_end(broker, TICKS.name)]


def seconds(broker: str) -> list[MarketSecond]:
    return [decode_second(payload) for payload in payloads(broker)]


def events(broker: str) -> list[FeedStatus]:
    return [decode_feed_status(m.value()) for m in read_to_end(broker, FEED_STATUS.name)]


def letters(broker: str) -> list[DeadLetter]:
    return [decode_dead_letter(m.value()) for m in read_to_end(broker, DEAD_LETTERS.name)]


def market(seed: int, count: int = 400) -> list[str]:
    """Lines with bursts, quiet stretches, breaks, late and bad rows; every second bad one in a burst."""
    chance, at_ms, price, lines = Random(seed), START_MS, 100_000, []
    for _ in range(count):
        at_ms += chance.choice((0, 0, 1, 20, 300, 900, 2500, 70_000 if chance.random() < 0.1 else 5))
        if chance.random() < 0.005:
            at_ms += 700_000
        price += chance.randint(-30, 30)
        bid, offer = price / 100, (price + chance.randint(0, 100)) / 100
        if chance.random() < 0.03:
            lines.append(chance.choice((f"{at_ms},{offer + 1},{bid}", "torn", f"{at_ms},nan,{offer}")))
        lines.append(f"{at_ms - chance.choice((0, 0, 0, 0, 900))},{bid},{offer}")
    return lines


def written(path: Path, lines: list[str]) -> Path:
    content = "\n".join(("time_ms,bid,offer", *lines, "")).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def rows_of(lines: list[str]) -> list[Row]:
    """The same lines for the oracle; what is no number becomes a quote that is none."""
    rows = []
    for line in lines:
        fields = line.split(",")
        try:
            rows.append(Row(int(fields[0]) * 10**6, *(round(float(field) * S) for field in fields[1:])))
        except ValueError:
            rows.append(Row(0, 0, 0))
    return rows


def test_a_recorded_file_becomes_exactly_its_seconds(broker: str, tmp_path: Path) -> None:
    lines = market(1)
    ingest(broker, written(tmp_path / "quotes.csv.gz", lines))
    items = expected(rows_of(lines))
    written_seconds = seconds(broker)
    assert [plain(second) for second in written_seconds] == [item for item in items if not isinstance(item, int)]
    assert {(s.instrument, s.source_kind, s.connection_epoch) for s in written_seconds} == {
        (INSTRUMENT, SourceKind.REPLAY, 1)
    }
    rejected = [item for item in items if isinstance(item, int)]
    assert len(rejected) > 3
    dead_letters = letters(broker)
    assert [(letter.offset, letter.raw.decode()) for letter in dead_letters] == [(i + 2, lines[i]) for i in rejected]
    assert {(t.service, t.source, t.partition, t.instrument) for t in dead_letters} == {
        ("ingest", "replay:quotes.csv.gz", -1, INSTRUMENT)
    }
    ticks = sum(len(second.quotes) for second in written_seconds)
    assert ticks + len(dead_letters) == len(lines)
    account = json.loads([event.detail for event in events(broker) if event.event is FeedEvent.ACCOUNTED][-1])
    assert (account["rows"], account["ticks"], account["rejected"]) == (len(lines), ticks, len(dead_letters))
    assert sum(entry["count"] for entry in account["by_reason"].values()) == len(dead_letters)


def test_feed_status_tells_what_happened(broker: str, tmp_path: Path) -> None:
    times_s = (0, 1, 63, 64, 900)
    ingest(broker, written(tmp_path / "q.csv", [f"{START_MS + 1000 * s},100,101" for s in times_s]))
    start = START_MS // 1000
    assert [(event.event, event.time_ns / S - start if event.time_ns else None) for event in events(broker)] == [
        (FeedEvent.CONNECTED, None),
        (FeedEvent.SUBSCRIBED, None),
        (FeedEvent.STALE, 62),
        (FeedEvent.STALE, 125),
        (FeedEvent.GAP, 900),
        (FeedEvent.ACCOUNTED, 901),
        (FeedEvent.ENDED, 901),
    ]


def test_records_lie_where_kafka_would_put_them(broker: str, tmp_path: Path) -> None:
    path = written(tmp_path / "q.csv", market(2, 5))
    for symbol in ("BTC-USD", "XAU-USD", "A", "ETH-EUR"):
        ingest(broker, path, instrument=symbol)
    for message in read_to_end(broker, TICKS.name):
        assert message.partition() == partition_of((message.key() or b"").decode(), PARTITIONS)


class Killed(BaseException):
    """Ends the service on the spot."""


def stop_after(monkeypatch: pytest.MonkeyPatch, count: int, then: Callable[[], None]) -> None:
    """Call `then` once `count` more seconds were published."""
    original, left = Publisher.publish_second, [count]

    def second(self: Publisher, record: MarketSecond) -> None:
        original(self, record)
        left[0] -= 1
        if left[0] == 0:
            then()

    monkeypatch.setattr(Publisher, "publish_second", second)


@pytest.mark.parametrize("seed", [3])  # the simulation tries thousands
def test_stopped_and_started_again_the_log_is_that_of_an_undisturbed_run(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    path = written(tmp_path / "q.csv", market(seed))
    ingest(broker, path, instrument="UNDISTURBED")
    whole = [s for s in seconds(broker) if s.instrument.endswith("UNDISTURBED")]
    whole_letters = [(t.offset, t.raw) for t in letters(broker)]
    chance = Random(seed)
    for _ in range(5):
        with monkeypatch.context() as patch:
            running = context_of("ingest")
            stop_after(patch, chance.randint(1, len(whole) // 6), running.stop.set)
            app.run(settings(broker, path), running)
        stopped_at = len([s for s in seconds(broker) if s.instrument == INSTRUMENT])
        assert 0 < stopped_at < len(whole)
    ingest(broker, path)
    again = [s for s in seconds(broker) if s.instrument == INSTRUMENT]
    assert [plain(s) for s in again] == [plain(s) for s in whole]
    assert [(t.offset, t.raw) for t in letters(broker) if t.instrument == INSTRUMENT] == whole_letters


def test_killed_before_the_log_had_what_was_rejected_nothing_is_told_twice(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{START_MS + 1000 * n},100,101" for n in range(10)]
    lines.insert(5, "torn")
    path = written(tmp_path / "q.csv", lines)

    def second(self: Publisher, record: MarketSecond) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "publish_second", second)
        with suppress(Killed):
            ingest(broker, path)
    ingest(broker, path)
    ingest(broker, path)
    assert [letter.offset for letter in letters(broker)] == [7]
    assert len(seconds(broker)) == 10


def test_a_second_file_of_the_same_name_has_its_own_lines_rejected(broker: str, tmp_path: Path) -> None:
    for start_ms, day in ((START_MS, "mon"), (START_MS + 86_400_000, "tue")):
        (tmp_path / day).mkdir()
        lines = [f"{start_ms + 1000 * n},{105 if n == 3 else 100},101" for n in range(8)]
        for _ in range(2):
            ingest(broker, written(tmp_path / day / "ticks.csv", lines))
    dead_letters = [(letter.source, letter.offset, letter.raw) for letter in letters(broker)]
    assert dead_letters == [
        ("replay:ticks.csv", 5, b"%d,105,101" % (ms + 3000)) for ms in (START_MS, START_MS + 86_400_000)
    ]


@pytest.mark.parametrize("flip_s", [0, 250])
def test_the_simulator_goes_on_where_it_stood(broker: str, flip_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    market = {"sim_edge": 0.5, "sim_flip_s": flip_s}
    for symbol, stops in (("WHOLE", (700,)), ("PARTS", (100, 1, 299, 300))):
        for count in stops:
            with monkeypatch.context() as patch:
                running = context_of("ingest")
                stop_after(patch, count, running.stop.set)
                app.run(settings(broker, "sim", instrument=symbol, sim_seed=5, **market), running)
    written_seconds = seconds(broker)
    whole, parts = ([plain(s) for s in written_seconds if s.instrument == f"sim:{name}"] for name in ("WHOLE", "PARTS"))
    assert len(whole) == 700
    assert whole == parts
    with pytest.raises(UnrecoverableError, match="does not continue the log"):
        ingest(broker, "sim", instrument="PARTS", sim_seed=6, **market)


def test_a_file_that_is_done_is_not_done_again(broker: str, tmp_path: Path) -> None:
    path = written(tmp_path / "q.csv", market(6))
    ingest(broker, path)
    before = payloads(broker)
    ingest(broker, path)
    assert payloads(broker) == before
    assert [event.event for event in events(broker)][-1] == FeedEvent.ENDED


def test_a_later_file_goes_on_and_an_older_one_is_refused(broker: str, tmp_path: Path) -> None:
    first = written(tmp_path / "first.csv", [f"{START_MS + 1000 * n},100,101" for n in range(3)])
    later = written(tmp_path / "later.csv", [f"{START_MS + 1000 * n},100,101" for n in range(10, 12)])
    ingest(broker, first)
    ingest(broker, later)
    assert [(s.session, s.first_seq) for s in seconds(broker)] == [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5)]
    with pytest.raises(UnrecoverableError, match=r"first\.csv does not continue the log of replay:BTC-USD"):
        ingest(broker, first)
    assert len(seconds(broker)) == 5


def test_the_last_record_is_found_behind_those_of_others(broker: str, tmp_path: Path) -> None:
    names = [f"S{n}" for n in range(9) if partition_of(f"replay:S{n}", PARTITIONS) == 0][:2]
    assert len(names) == 2
    ingest(broker, written(tmp_path / "short.csv", [f"{START_MS},100,101"]), instrument=names[0])
    ingest(
        broker,
        written(tmp_path / "long.csv", [f"{START_MS},100,101", f"{START_MS + 590_000},1,1"]),
        instrument=names[1],
    )
    last = last_second(broker, f"replay:{names[0]}", 0)
    assert last is not None
    assert (last.second, last.ends_session) == (START_MS // 1000, True)
    assert last_second(broker, "replay:NONE", 0) is None


def test_a_cut_off_file_gives_its_whole_seconds_and_goes_on_when_mended(broker: str, tmp_path: Path) -> None:
    lines = [f"{START_MS + 1000 * n},{100 + Random(n).random():.6f},101.5" for n in range(3000)]
    path = written(tmp_path / "q.csv.gz", lines)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3000])
    for _ in range(2):
        with pytest.raises(UnrecoverableError, match="cut off"):
            ingest(broker, path)
    count = len(seconds(broker))
    assert 1000 < count < 3000
    assert not seconds(broker)[-1].ends_session
    assert letters(broker) == []
    path.write_bytes(whole)
    ingest(broker, path)
    written_seconds = seconds(broker)
    assert [s.second - START_MS // 1000 for s in written_seconds] == list(range(3000))
    assert [s.ends_session for s in written_seconds].index(True) == 2999


def test_a_file_without_a_usable_quote(broker: str, tmp_path: Path) -> None:
    with pytest.raises(UnrecoverableError, match="holds no usable quote"):
        ingest(broker, written(tmp_path / "q.csv", ["1,2,1", "torn"]))
    assert [letter.offset for letter in letters(broker)] == [2, 3]
    assert events(broker)[-1].event != FeedEvent.ENDED


def test_a_file_of_rubbish_is_given_up(broker: str, tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="bad records in a row"):
        ingest(broker, written(tmp_path / "q.csv", ["torn"] * 5000))
    assert len(letters(broker)) < 1100


def test_what_cannot_be_read_is_known_before_kafka_is_asked() -> None:
    with pytest.raises(FatalError, match=r"no.csv cannot be read"):
        ingest("127.0.0.1:1", "replay:no.csv")


def test_at_most_so_far_ahead_of_the_labeler(broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "q.csv", [f"{START_MS + 1000 * n},100,101" for n in range(50)])
    part = partition_of(INSTRUMENT, PARTITIONS)
    answers: Queue[int | None] = Queue()
    ask = kafka_log.LabelerLag.__call__

    def recorded(self: kafka_log.LabelerLag) -> int | None:
        lag = ask(self)
        answers.put(lag)
        return lag

    monkeypatch.setattr(kafka_log.LabelerLag, "__call__", recorded)
    labeler = Consumer({"bootstrap.servers": broker, "group.id": LABELER_GROUP, "enable.auto.commit": False})

    def held_at() -> int:
        """Where the log ends once ingest has no room left."""
        while answers.get(timeout=LIMIT_S) != 20 or answers.get(timeout=LIMIT_S) != 20:
            pass
        return int(labeler.get_watermark_offsets(TopicPartition(TICKS.name, part), timeout=LIMIT_S)[1])

    running = context_of("ingest")
    thread = threading.Thread(target=app.run, args=(settings(broker, path, ahead_max_s=20), running))
    try:
        thread.start()
        assert held_at() == 20, "a group that does not exist stands at 0"
        labeler.commit(offsets=[TopicPartition(TICKS.name, part, 15)], asynchronous=False)
        assert held_at() == 35
        labeler.commit(offsets=[TopicPartition(TICKS.name, part, 35)], asynchronous=False)
        thread.join(30)
        assert len(seconds(broker)) == 50
    finally:
        running.stop.set()
        thread.join(30)
        labeler.close()


def test_any_speed_gives_the_same_bytes(broker: str, tmp_path: Path) -> None:
    path = written(tmp_path / "q.csv", market(7, 60))
    ingest(broker, path, instrument="A", speed=float("inf"))
    ingest(broker, path, instrument="A2", speed=5000.0)
    by_speed = [[plain(s) for s in seconds(broker) if s.instrument == f"replay:{name}"] for name in ("A", "A2")]
    assert by_speed[0] == by_speed[1]


def test_no_broker_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_log, "BROKER_TIMEOUT_S", 0.5)
    path = written(tmp_path / "q.csv", ["1,1,1"])
    with pytest.raises(FatalError, match=r"^Kafka at 127\.0\.0\.1:1: ") as failure:
        ingest("127.0.0.1:1", path)
    assert "\n" not in str(failure.value)
