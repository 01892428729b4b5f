"""Found by seeds. 2064: a trainer that lost its partitions took in what it had fetched before, and windows were lost.
83: two trainers at once, one of them replaced while it slept, gave one window two verdicts. Found by reading, as faults
came to deliveries: nobody looked whether a dead letter was delivered."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaException

from services.trainer.app import Dependencies, TrainerApp
from services.trainer.modelling.assembly import Candidate
from services.trainer.runs.ledger import Ledger
from services.trainer.settings import Settings
from services.trainer.windows.scratch import Scratch, ScratchMemory, Slot
from tests.simulation import errors, fake_learner, inputs
from tests.simulation.broker import Broker
from tests.simulation.clients import clients
from tests.simulation.injector import FaultInjector, NoFaults
from tests.simulation.redis_memory import SimRedis, Store
from tests.synthetic_models import published
from tidewheel.contracts.topics import EXAMPLES, TOPICS, TRAINER_GROUP
from tidewheel.domain.models import ModelRecord, Verdict
from tidewheel.registry.store import Publication, Registry
from tidewheel.runtime.health import Health
from tidewheel.runtime.process import Context, FatalError

WINDOW = 24
MARKET = inputs.expected("replay:AA", 0)
PLACE = EXAMPLES.name, MARKET.partition


class ImmediateExecutor:
    """An executor that has done the work when it is asked to."""

    def submit(self, call: Callable[..., Any], *args: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(call(*args))
        return future

    def shutdown(self, wait: bool = True) -> None: ...


def a_service(
    broker: Broker,
    injector: FaultInjector,
    chance: Random,
    registry: Registry | None = None,
    scratch: Scratch | None = None,
) -> TrainerApp:
    log, stop = logging.getLogger("trainer"), threading.Event()
    registry = registry or Registry(cast(Any, SimRedis(Store(), NoFaults())), "memory")
    dependencies = Dependencies(
        clients(broker, injector, chance),
        registry,
        cast(Executor, ImmediateExecutor()),
        stop,
        fake_learner.train_candidate,
        scratch=scratch or ScratchMemory(),
    )
    return TrainerApp(Settings(window=WINDOW, trials=1), Context(log, Health("trainer"), stop), dependencies)


def turn(service: TrainerApp, times: int) -> None:
    for _ in range(times):
        service.poll_once()


class Refusing(NoFaults):
    """The first batch that is sent is given up."""

    refused = False

    def before(self, effect: str) -> None:
        if effect == "send" and not self.refused:
            self.refused = True
            raise errors.timed_out(effect)


def test_offsets_are_not_committed_past_a_dead_letter_that_was_not_delivered() -> None:
    chance = Random(1)
    broker = Broker({name: topic.partitions(2) for name, topic in TOPICS.items()}, chance)
    service = a_service(broker, Refusing(), chance)
    broker.append(PLACE, b"stranger", b"no message")
    for value in MARKET.examples:
        broker.append(PLACE, MARKET.instrument.encode(), value)
    with pytest.raises(KafkaException):
        turn(service, 20)
    assert broker.group(TRAINER_GROUP).offsets == {}


def test_a_dead_letter_that_was_not_delivered_is_heard_of_though_nothing_follows() -> None:
    chance = Random(1)
    broker = Broker({name: topic.partitions(2) for name, topic in TOPICS.items()}, chance)
    service = a_service(broker, Refusing(), chance)
    broker.append(PLACE, b"stranger", b"no message")
    with pytest.raises(KafkaException):
        turn(service, 20)


def test_what_was_read_before_a_rebalance_is_not_taken_in_after_it() -> None:
    chance = Random(1)
    broker = Broker({name: topic.partitions(2) for name, topic in TOPICS.items()}, chance)
    registry = Registry(cast(Any, SimRedis(Store(), NoFaults())), "memory")
    scratch = ScratchMemory()
    service = a_service(broker, NoFaults(), chance, registry, scratch)
    for number, value in enumerate(MARKET.examples):
        broker.append(PLACE, MARKET.instrument.encode(), value)
        if number % 10 == 0:
            service.poll_once()
        if number == WINDOW // 2 + 1:
            # The session ends unnoticed: the next poll brings old records and the news.
            (member,) = broker.group(TRAINER_GROUP).members
            broker.group(TRAINER_GROUP).leave(member)
    turn(service, 20)
    records = [record for record in registry.records(MARKET.instrument) if isinstance(record, ModelRecord)]
    assert sorted(record.seq for record in records) == list(range(1, len(MARKET.examples) // WINDOW + 1))
    assert scratch.used_bytes
    service.close()
    assert scratch.used_bytes == 0


def test_a_restart_holds_what_is_remembered_and_no_window_that_was_dealt_with() -> None:
    chance = Random(1)
    broker = Broker({name: topic.partitions(2) for name, topic in TOPICS.items()}, chance)
    registry = Registry(cast(Any, SimRedis(Store(), NoFaults())), "memory")
    for value in MARKET.examples:
        broker.append(PLACE, MARKET.instrument.encode(), value)
    used_bytes = []
    for _ in range(2):
        scratch = ScratchMemory()
        service = a_service(broker, NoFaults(), chance, registry, scratch)
        turn(service, 40)
        used_bytes.append(scratch.used_bytes)
        service.close()
        assert scratch.used_bytes == 0
    assert used_bytes[0] == used_bytes[1]


class AlmostFullDisk(ScratchMemory):
    """A disk with room for so many slots."""

    def __init__(self, slots: int) -> None:
        super().__init__()
        self._left = slots

    def slot(self, size_bytes: int) -> Slot:
        self._left -= 1
        if self._left < 0:
            raise FatalError("scratch space is full")
        return super().slot(size_bytes)


@pytest.mark.parametrize("slots", range(1, 6))
def test_a_full_disk_ends_the_trainer_and_costs_no_window(slots: int) -> None:
    chance = Random(1)
    broker = Broker({name: topic.partitions(2) for name, topic in TOPICS.items()}, chance)
    registry = Registry(cast(Any, SimRedis(Store(), NoFaults())), "memory")
    for value in MARKET.examples:
        broker.append(PLACE, MARKET.instrument.encode(), value)
    service = a_service(broker, NoFaults(), chance, registry, AlmostFullDisk(slots))
    with pytest.raises(FatalError):
        turn(service, 40)
    service.close()
    service = a_service(broker, NoFaults(), chance, registry)
    turn(service, 40)
    service.close()
    records = [record for record in registry.records(MARKET.instrument) if isinstance(record, ModelRecord)]
    assert sorted(record.seq for record in records) == list(range(1, len(MARKET.examples) // WINDOW + 1))
    assert all(record.reason != "rows_missing" for record in records)


@pytest.mark.parametrize("kept_first", [True, False])
def test_a_window_has_the_verdict_that_came_first(kept_first: bool) -> None:
    registry = Registry(cast(Any, SimRedis(Store(), NoFaults())), "memory")
    ledger = Ledger(registry, threading.Event(), logging.getLogger("trainer"))
    payload, record = published(1)
    candidate = cast(Candidate, SimpleNamespace(model_bytes=payload))
    not_proven = replace(record, verdict=Verdict.REFUSED, reason="not_proven")
    ways = [(ledger.publish_candidate, not_proven), (ledger.publish, record)]
    (first, verdict), (second, otherwise) = ways if kept_first else ways[::-1]
    assert first(candidate, verdict) is Publication.PUBLISHED
    assert first(candidate, verdict) is Publication.ALREADY_PUBLISHED
    assert second(candidate, otherwise) is Publication.STALE
    assert registry.record_of(record.instrument, 1) == verdict
    assert (registry.current(record.instrument) is None) is kept_first
