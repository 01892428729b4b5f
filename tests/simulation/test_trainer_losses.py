"""Rows that never come, and records that are no rows: every window has an end all the same, whenever the trainer is
killed."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from random import Random
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import pytest

from services.trainer.app import Dependencies, TrainerApp
from services.trainer.runs.events import RunEventProducer
from services.trainer.settings import Settings
from tests.simulation import fake_learner
from tests.simulation.broker import Broker
from tests.simulation.clients import clients
from tests.simulation.injector import NoFaults, ProcessKilled
from tests.simulation.redis_memory import SimRedis, Store
from tidewheel.contracts.codecs.orders import encode_example
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.topics import DEAD_LETTERS, EXAMPLES, TOPICS, TRAINER_GROUP, TRAINING_RUNS
from tidewheel.domain.features import FEATURE_COUNT, SCHEMA_HASH, Example
from tidewheel.domain.models import ModelRecord
from tidewheel.domain.training import RunEvent
from tidewheel.registry.store import Registry
from tidewheel.runtime.health import Health
from tidewheel.runtime.process import Context, FatalError

NAME, WINDOW = "replay:AA", 200
RUN_MAX = 1000  # so many bad records in a row are rejected
UNREADABLE = b"\xff"
TURNS = 10


def rows(first: int, last: int) -> list[bytes]:
    """Examples first…last, as they lie on the topic."""
    found = []
    for seq in range(first, last + 1):
        features = np.full(FEATURE_COUNT, seq, dtype="<f4").tobytes()
        placed_ns = seq * 10**9
        found.append(Example(NAME, seq, seq, placed_ns, placed_ns + 1, seq % 2, features, 5, SCHEMA_HASH))
    return [encode_example(example) for example in found]


class ManualExecutor:
    """An executor that does its jobs when the test says so."""

    def __init__(self) -> None:
        self._open: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, call: Callable[..., Any], *args: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self._open.append((future, lambda: call(*args)))
        return future

    def shutdown(self, wait: bool = True) -> None: ...

    def do(self) -> bool:
        """The next job; whether there was one."""
        if not self._open:
            return False
        future, call = self._open.pop(0)
        future.set_result(call())
        return True


class TrainerBench:
    """The topics and the registry, on which one trainer after the other runs."""

    def __init__(self) -> None:
        self._chance = Random(1)
        self._broker = Broker({name: topic.partitions(1) for name, topic in TOPICS.items()}, self._chance)
        self._store = Store()
        self.registry = Registry(cast(Any, SimRedis(self._store, NoFaults())), "memory")

    def put(self, *values: bytes) -> None:
        for value in values:
            self._broker.append((EXAMPLES.name, 0), NAME.encode(), value)

    def starts(self, **settings: Any) -> tuple[TrainerApp, ManualExecutor]:
        """A new trainer in the place of the one before, which is dead."""
        jobs, stop, log = ManualExecutor(), threading.Event(), logging.getLogger("trainer")
        dependencies = Dependencies(
            clients(self._broker, NoFaults(), self._chance),
            self.registry,
            cast(Executor, jobs),
            stop,
            fake_learner.train_candidate,
        )
        given = Settings(**{"window": WINDOW, "trials": 1, "instance": "0", **settings})
        service = TrainerApp(given, Context(log, Health("trainer"), stop), dependencies)
        turn(service)
        return service, jobs

    def finishes(self, **settings: Any) -> None:
        """A new trainer that does all there is to do, and is killed then."""
        work_off(*self.starts(**settings))

    @property
    def ends(self) -> dict[int, set[str]]:
        """Window -> what was said of it: `published`, or why not."""
        reported: dict[int, set[str]] = {}
        for event in self._endings():
            reported.setdefault(event.seq, set()).add(event.reason or "published")
        return reported

    @property
    def times_reported(self) -> dict[int, int]:
        """Window -> how often its end was told."""
        return dict(Counter(event.seq for event in self._endings()))

    def _endings(self) -> list[RunEvent]:
        records = self._broker.partitions[TRAINING_RUNS.name, 0].committed()
        events = [decode_run_event(record.value or b"") for _, record in records]
        return [event for event in events if event.step.verdict]

    @property
    def records(self) -> list[int]:
        """The windows that the registry knows."""
        return sorted(one.seq for one in self.registry.records(NAME) if isinstance(one, ModelRecord))

    @property
    def rejected(self) -> int:
        return len(list(self._broker.partitions[DEAD_LETTERS.name, 0].committed()))

    @property
    def committed(self) -> int:
        return int(self._broker.group(TRAINER_GROUP).offsets[EXAMPLES.name, 0][0])


def turn(service: TrainerApp) -> None:
    for _ in range(TURNS):
        service.poll_once()


def work_off(service: TrainerApp, jobs: ManualExecutor) -> None:
    """All there is to do."""
    while jobs.do():
        turn(service)


@pytest.mark.parametrize("memory", [1, 12])
def test_the_rows_before_a_gap_are_read_again_until_its_windows_have_ended(memory: int) -> None:
    site = TrainerBench()
    # Row 251, of window 2, cannot be read.
    site.put(*rows(1, 250), UNREADABLE, *rows(252, 3 * WINDOW))
    service, jobs = site.starts(memory=memory)
    jobs.do()
    turn(service)
    # Window 1 has ended, and may be remembered; of window 2 not a word has been said.
    assert site.ends.keys() == {1}
    assert site.committed == WINDOW
    site.finishes(memory=memory)
    assert site.ends.keys() == {1, 2, 3}
    assert site.ends[2] == {"rows_missing"}
    assert site.records == [1, 2, 3]


def test_gap_after_gap_stops_the_trainer_at_last() -> None:
    site = TrainerBench()
    site.put(*(row for seq in range(1, 2 * RUN_MAX + 3, 2) for row in rows(seq, seq)))
    service, _ = site.starts()
    assert site.rejected == RUN_MAX
    site.put(*rows(2 * RUN_MAX + 3, 2 * RUN_MAX + 3))
    with pytest.raises(FatalError, match="bad records in a row"):
        turn(service)


@pytest.mark.parametrize("at", [0, 50, WINDOW])
def test_one_example_out_of_place_costs_no_window(at: int) -> None:
    site = TrainerBench()
    site.put(*rows(1, at), *rows(3_000_000, 3_000_000), *rows(at + 1, 3 * WINDOW))
    site.finishes()
    assert site.ends.keys() == {1, 2, 3}
    assert "rows_missing" not in set().union(*site.ends.values())
    assert site.records == [1, 2, 3]
    # As the first one read it cannot be told from the topic's beginning.
    assert site.rejected == (at > 0)


def test_where_the_first_rows_after_a_restart_cannot_be_read_their_windows_have_an_end() -> None:
    site = TrainerBench()
    site.put(*rows(1, WINDOW))
    site.finishes()
    site.put(*[UNREADABLE] * 250, *rows(2 * WINDOW + 51, 4 * WINDOW))
    site.finishes()
    assert site.ends.keys() == {1, 2, 3, 4}
    assert site.ends[2] == site.ends[3] == {"rows_missing"}
    assert site.records == [1, 2, 3, 4]
    # Nothing new is said by one that has nothing to do.
    site.finishes()
    assert site.records == [1, 2, 3, 4]


def test_where_the_very_first_row_cannot_be_read_the_first_window_has_an_end() -> None:
    site = TrainerBench()
    site.put(UNREADABLE, *rows(2, 2 * WINDOW))
    site.finishes()
    assert site.ends.keys() == {1, 2}
    assert site.ends[1] == {"rows_missing"}


def test_a_topic_whose_beginning_is_gone_costs_no_window() -> None:
    site = TrainerBench()
    site.put(*rows(50 * WINDOW + 7, 52 * WINDOW))
    site.finishes()
    assert site.ends.keys() == {52} == set(site.records)


@pytest.mark.parametrize("memory", [1, 12])
def test_killed_while_it_tells_of_lost_windows_the_next_trainer_tells_the_rest(memory: int) -> None:
    """Whether it begins behind what is missing, or reads once more what comes before, to remember it."""
    site = TrainerBench()
    site.put(*rows(1, WINDOW))
    site.finishes(memory=memory)
    site.put(*[UNREADABLE] * 250, *rows(2 * WINDOW + 51, 4 * WINDOW))
    service, jobs = site.starts(memory=memory)
    write = RunEventProducer.write

    def dies_with_the_second(events: RunEventProducer, event: RunEvent) -> None:
        if event.seq == 2:
            raise ProcessKilled
        write(events, event)

    with patch.object(RunEventProducer, "write", dies_with_the_second), pytest.raises(ProcessKilled):
        work_off(service, jobs)
    assert (site.records, site.ends.keys()) == ([1, 2], {1})
    site.finishes(memory=memory)
    assert site.ends.keys() == {1, 2, 3, 4}
    assert site.ends[2] == site.ends[3] == {"rows_missing"}


def test_rows_that_are_missing_among_those_remembered_are_not_told_of_once_more() -> None:
    site = TrainerBench()
    site.put(*rows(1, 250), UNREADABLE, *rows(252, 4 * WINDOW))
    site.finishes()
    reported, aside = site.times_reported, site.rejected
    assert reported == {1: 1, 2: 1, 3: 1, 4: 1}
    site.put(*rows(4 * WINDOW + 1, 5 * WINDOW))
    site.finishes()
    assert site.times_reported == {**reported, 5: 1}
    assert site.records == [1, 2, 3, 4, 5]
    assert site.rejected == aside


def test_early_windows_leave_no_record_and_are_not_lost() -> None:
    site, often = TrainerBench(), {"step": WINDOW // 2, "due_each": 2}
    site.put(*rows(1, 2 * WINDOW))
    site.finishes(**often)
    assert site.records == [1, 3]
    site.put(*rows(2 * WINDOW + 1, 3 * WINDOW))
    site.finishes(**often)
    assert site.ends[2] == site.ends[4] == {"not_due"}
    assert site.records == [1, 3, 5]
