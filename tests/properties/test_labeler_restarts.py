"""A partition of the labeler that is killed again and again, against the oracle: nothing lost, doubled or changed."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from services.labeler import partition as partition_module
from services.labeler.checkpoint import CheckpointError, Record, read_checkpoints
from services.labeler.core import Labeler, LabelerConfig, Output, StateMismatchError
from services.labeler.partition import Partition
from tests import markets, oracle
from tests.properties.test_labeler_oracle import config_of, from_labeler, from_oracle
from tidewheel.contracts.topics import ORDERS, TICKS
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders

INSTRUMENTS = ("replay:A", "replay:B", "replay:C")
LIVES_MAX = 12

Logs = dict[str, list[Any]]
Said = list[tuple[Any, ...]]


def log_of(chance: Random, streams: dict[str, list[Any]]) -> list[Any]:
    """One topic: records of several instruments in turn, some twice; one instrument's may all come before another's."""
    made: list[Any] = []
    queues = [list(reversed(stream)) for stream in streams.values()]
    while any(queues):
        queue = chance.choice([queue for queue in queues if queue])
        for _ in range(min(len(queue), chance.choice((1, 5, 50, 400)))):
            made.append(queue.pop())
            if chance.random() < 0.02:
                made.append(made[-1])
    return made


class Lives:
    """What is left of a partition when it is killed: outputs, state and offsets of its last commit."""

    def __init__(self, logs: Logs, config: LabelerConfig) -> None:
        self.logs, self.config = logs, config
        self.state: dict[bytes, bytes | None] = {}
        self.committed: dict[str, int] = {}
        self.written: list[Output] = []

    def commit(self, one: Partition, outputs: list[Output]) -> None:
        records: list[Record] = list(one.checkpoint_records())
        self.state.update(records)
        self.committed |= {topic: labeled for topic, (labeled, _) in one.positions().items()}
        self.written += outputs
        outputs.clear()

    def live(self, chance: Random, killed: float) -> bool:
        """One life; whether it came to the end."""
        one = Partition(self.config, read_checkpoints(list(self.state.items()), str(self.config)), self.committed)
        at = {topic: start or 0 for topic, start in one.start_offsets.items()}
        outputs: list[Output] = []
        while unread := [topic for topic, log in self.logs.items() if at[topic] < len(log)]:
            topic = chance.choice(unread)
            for _ in range(min(chance.randint(1, 40), len(self.logs[topic]) - at[topic])):
                outputs += self.take(one, topic, at[topic])
                at[topic] += 1
            one.paused()
            if chance.random() < 0.5:
                self.commit(one, outputs)
            if chance.random() < killed:
                return False
        self.commit(one, outputs)
        return True

    def take(self, one: Partition, topic: str, offset: int) -> list[Output]:
        one.mark_read(topic, offset)
        record: MarketSecond | SecondOrders = self.logs[topic][offset]
        if isinstance(record, MarketSecond):
            return one.on_second(offset, 100, record)
        return one.on_orders(offset, 100, record)


def judged(seed: int) -> dict[str, tuple[Said, Said]]:
    """By instrument: what the killed partition wrote, and what the oracle says."""
    chance = Random(seed)
    # Orders that live for a while: there are some open whenever it is killed.
    settings = oracle.Settings(threshold=chance.choice(("3", "5")), exit_on=chance.choice(("bid", "mid", "offer")))
    results = {name: oracle.evaluate_rows(markets.rows(chance, quotes=60), settings) for name in INSTRUMENTS}
    seconds = {name: [replace(one, instrument=name) for one in markets.seconds(r)] for name, r in results.items()}
    orders = {name: [replace(one, instrument=name) for one in markets.second_orders(r)] for name, r in results.items()}
    logs: Logs = {TICKS.name: log_of(chance, seconds), ORDERS.name: log_of(chance, orders)}
    lives, count = Lives(logs, config_of(settings)), 1
    while not lives.live(chance, killed=0.03 if count < LIVES_MAX else 0.0):
        count += 1
    written = {name: [one for one in lives.written if one.transaction.instrument == name] for name in INSTRUMENTS}
    return {name: (from_labeler(written[name]), from_oracle(results[name])) for name in INSTRUMENTS}


@pytest.fixture(autouse=True)
def _snapshots_are_frequent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_module, "SNAPSHOT_RECORDS_MIN", 100)


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_point_it_writes_what_the_oracle_says(seed: int) -> None:
    for written, wanted in judged(seed).values():
        assert written == wanted


def noticed() -> int:
    """Seeds by which a planted fault is noticed."""
    found = 0
    for seed in range(4):
        try:
            found += any(written != wanted for written, wanted in judged(seed).values())
        except (CheckpointError, StateMismatchError):
            found += 1
    return found


def test_a_planted_snapshot_that_forgets_what_waits_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Partition, "_first_buffered", lambda one, topic, instrument: one._read_offsets[topic])
    assert noticed() > 1


def test_a_planted_start_that_leaves_out_what_must_be_made_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Partition, "_start_offset", lambda one, topic, saved: one._labeled_offsets.get(topic))
    assert noticed() > 1


def test_a_planted_second_that_is_taken_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_second(labeler: Labeler, second: MarketSecond) -> list[Output]:
        labeler._seconds_seen = max(labeler._seconds_seen, second.second)
        labeler._seconds.append(second)
        return labeler._advance()

    monkeypatch.setattr(Labeler, "on_second", on_second)
    assert noticed() > 1
