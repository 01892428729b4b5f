"""Workers on a registry in memory, whose events are kept as they are told."""

import logging
import threading
from typing import Any, cast

from services.trainer.promotion.gate import Promotion
from services.trainer.runs.ledger import Ledger
from services.trainer.search.config import TrainingConfig
from services.trainer.worker import TrainCandidate, Worker
from tests.simulation.injector import NoFaults
from tests.simulation.redis_memory import SimRedis, Store
from tidewheel.domain.training import RunEvent, Step
from tidewheel.registry.store import Registry

LOG = logging.getLogger("trainer")


class RecordedEvents:
    """The events of the runs."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []

    def write(self, event: RunEvent) -> None:
        self.events.append(event)

    def flush(self) -> None:
        pass

    @property
    def ends(self) -> list[RunEvent]:
        """The events that end a run."""
        return [event for event in self.events if event.step in (Step.PUBLISHED, Step.REFUSED, Step.FAILED)]


def a_registry(store: Store | None = None) -> Registry:
    return Registry(cast(Any, SimRedis(store or Store(), NoFaults())), "memory")


def a_worker(
    registry: Registry,
    events: RecordedEvents,
    train_candidate: TrainCandidate,
    config: TrainingConfig,
    due_each: int = 1,
) -> Worker:
    """As a trainer's process begins with it."""
    ledger = Ledger(registry, threading.Event(), LOG)
    return Worker(
        config, Promotion.FRESH, ledger, cast(Any, events), LOG, lambda: 0, train_candidate, due_each=due_each
    )
