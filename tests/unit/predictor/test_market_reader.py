"""The market reader on a log of the test's own: it jumps where a replay outruns it, and cuts no view short."""

import logging
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TopicPartition

from services.predictor.market import market_reader
from services.predictor.market.history import MarketView, MarketViews
from services.predictor.market.market_reader import (
    BATCH_RECORDS_MAX,
    READ_BACK_RECORDS,
    READ_BACK_RECORDS_EACH,
    MarketReader,
)
from tests.predictors import metric_value
from tests.synthetic_models import INSTRUMENT
from tests.synthetic_seconds import seconds
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.runtime.kafka import KAFKA

BURST = 20_000
WRITTEN_AT_MS = 1_700_000_000_123


class Record:
    """A polled message."""

    def __init__(self, offset: int, payload: bytes) -> None:
        self._offset, self._payload = offset, payload

    def error(self) -> None:
        return None

    def offset(self) -> int:
        return self._offset

    def partition(self) -> int:
        return 0

    def value(self) -> bytes:
        return self._payload

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_CREATE_TIME, WRITTEN_AT_MS


class Log:
    """One partition, read by the one consumer that looks like confluent-kafka's. Ends the test when all is read."""

    def __init__(self, stop: threading.Event, records: list[bytes], visible: list[int]) -> None:
        self._stop, self._records, self._visible = stop, records, visible
        self._position = 0
        self.consumed = 0

    def list_topics(self, name: str, timeout: float) -> Any:
        return SimpleNamespace(topics={name: SimpleNamespace(error=None, partitions={0: None})})

    def get_watermark_offsets(self, partition: TopicPartition, **how: Any) -> tuple[int, int]:
        return 0, self._visible[0]

    def assign(self, starts: list[TopicPartition]) -> None:
        (start,) = starts
        self.seek(start)

    def seek(self, place: TopicPartition) -> None:
        self._position = place.offset

    def consume(self, count: int, timeout: float) -> list[Record]:
        end = min(self._position + count, self._visible[0])
        if self._position == end and len(self._visible) > 1:
            self._visible.pop(0)
        elif self._position == end:
            self._stop.set()
        given = [Record(offset, self._records[offset]) for offset in range(self._position, end)]
        self._position = end
        self.consumed += len(given)
        return given

    def close(self) -> None:
        pass


class Shown(MarketViews):
    """Remembers every view."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[MarketView] = []

    def put(self, view: MarketView) -> None:
        super().put(view)
        self.history.append(view)


@pytest.fixture(scope="module")
def records() -> list[bytes]:
    return [encode_second(second) for second in seconds(BURST)]


def read(monkeypatch: pytest.MonkeyPatch, records: list[bytes], visible: list[int]) -> tuple[Log, Shown]:
    """Read a log that shows its first visible[0] records, then visible[1], …"""
    stop, views = threading.Event(), Shown()
    log = Log(stop, records, visible)
    monkeypatch.setattr(market_reader, "THROTTLE_S", 0.0)
    clients = replace(KAFKA, consumer=cast(Any, lambda config: log))
    MarketReader("nowhere", views, logging.getLogger("test"), clients).run(stop)
    return log, views


def test_a_start_reads_back_no_more_than_it_needs(monkeypatch: pytest.MonkeyPatch, records: list[bytes]) -> None:
    log, views = read(monkeypatch, records, [BURST])
    assert log.consumed == READ_BACK_RECORDS
    assert views.unavailable is None
    assert [view.complete for view in views.history] == [True]


def test_a_burst_is_jumped_over_and_no_view_is_cut_short(monkeypatch: pytest.MonkeyPatch, records: list[bytes]) -> None:
    log, views = read(monkeypatch, records, [1000, BURST])
    assert log.consumed <= 1000 + BATCH_RECORDS_MAX + READ_BACK_RECORDS
    assert all(view.complete for view in views.history)
    last = views.get(INSTRUMENT)
    assert last is not None
    expected = seconds(BURST)[-600:]
    assert last.second == expected[-1].second
    assert last.mids_e9.tolist() == [second.close_mid_e9 for second in expected]


@pytest.mark.parametrize("visible", [[BURST], [4000, BURST]])
def test_each_of_many_instruments_is_read_back_far_enough(monkeypatch: pytest.MonkeyPatch, visible: list[int]) -> None:
    """At a start nobody knows how many lie on a partition; each needs its ten minutes."""
    starts, names = len(visible), [f"sim:{n}" for n in range(5)]
    each = [seconds(BURST // 5, instrument=name, seed=seed) for seed, name in enumerate(names)]
    mixed = [encode_second(second) for together in zip(*each, strict=True) for second in together]
    log, views = read(monkeypatch, mixed, visible)
    assert all(view.complete for view in views.history)
    for name, made in zip(names, each, strict=True):
        view = views.get(name)
        assert view is not None
        assert view.mids_e9.tolist() == [second.close_mid_e9 for second in made[-600:]]
    assert log.consumed <= starts * (READ_BACK_RECORDS + 5 * READ_BACK_RECORDS_EACH + BATCH_RECORDS_MAX)


def test_what_is_read_back_is_no_more_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    each = [seconds(500, instrument=f"sim:{n}") for n in range(5)]
    mixed = [encode_second(second) for together in zip(*each, strict=True) for second in together]
    log, views = read(monkeypatch, mixed, [len(mixed)])
    assert [len(view.mids_e9) for view in views.history] == [500] * 5
    assert log.consumed == READ_BACK_RECORDS + len(mixed)


def test_a_market_that_fell_silent_on_the_way_is_shown(monkeypatch: pytest.MonkeyPatch, records: list[bytes]) -> None:
    silent = [encode_second(second) for second in seconds(700, instrument="sim:SILENT")]
    _, views = read(monkeypatch, [*records[:10_000], *silent, *records[10_000:10_600]], [11_300])
    assert views.get("sim:SILENT") is not None


def test_a_young_market_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch, records: list[bytes]) -> None:
    _, views = read(monkeypatch, records, [3, 4, 7])
    assert [len(view.mids_e9) for view in views.history] == [3, 4, 7]
    assert {view.written_at_ns for view in views.history} == {WRITTEN_AT_MS * 10**6}


def test_bad_records_are_counted_and_not_said_each_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, records: list[bytes]
) -> None:
    _, views = read(monkeypatch, [*records[:5], *([b"\xff"] * 50), *records[5:8]], [58])
    assert [len(view.mids_e9) for view in views.history] == [8]
    said = [record.message for record in caplog.records if "not used" in record.message]
    assert [("1 so far" in line, "10 so far" in line) for line in said] == [(True, False), (False, True)]


def breaks() -> tuple[float, float]:
    labels = {"service": "predictor", "topic": "ticks"}
    return tuple(metric_value(f"tidewheel_records_{what}_total", **labels) for what in ("repeated", "missing"))  # type: ignore[return-value]


def test_what_repeats_or_is_missing_is_counted(monkeypatch: pytest.MonkeyPatch, records: list[bytes]) -> None:
    before = breaks()
    read(monkeypatch, [*records[:50], *records[47:60], *records[62:80]], [81])
    assert breaks() == (before[0] + 3, before[1] + 2)


def test_to_jump_or_to_read_back_is_no_fault(monkeypatch: pytest.MonkeyPatch, records: list[bytes]) -> None:
    before = breaks()
    read(monkeypatch, records, [1000, BURST])
    many = [seconds(2_000, instrument=f"sim:{n}", seed=n) for n in range(5)]
    mixed = [encode_second(second) for together in zip(*many, strict=True) for second in together]
    read(monkeypatch, mixed, [4000, len(mixed)])
    assert breaks() == before
