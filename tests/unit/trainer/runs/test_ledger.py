"""What of the registry a repeat may not take away."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from services.trainer.runs.ledger import Ledger
from tests.simulation.injector import NoFaults
from tests.simulation.redis_memory import SimRedis, Store
from tests.synthetic_models import CARD, INSTRUMENT, published
from tidewheel.domain.models import Baseline, Champion, Verdict
from tidewheel.registry import keys
from tidewheel.registry.store import Registry


def test_a_scorecard_without_a_baseline_leaves_the_known_one() -> None:
    registry = Registry(cast(Any, SimRedis(Store(), NoFaults())), "memory")
    ledger = Ledger(registry, threading.Event(), logging.getLogger("trainer"))
    registry.publish(*published(1))
    with_baseline = replace(CARD, baseline=Baseline(90, 36, 30, 15))
    newer = replace(CARD, baseline=Baseline(90, 36, 20, 11))
    for card, known in ((CARD, CARD), (with_baseline, with_baseline), (CARD, with_baseline), (newer, newer)):
        ledger.put_scorecard(INSTRUMENT, 1, card, None)
        record = ledger.record_of(INSTRUMENT, 1)
        assert record
        assert record.scorecard == known


class Sleeps(NoFaults):
    """A process that stands still after its first effect, while others act."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile: Callable[[], object] | None = meanwhile

    def after(self, effect: str) -> None:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile:
            meanwhile()


def ledger_on(store: Store, stage: NoFaults, hmac_key: bytes | None = None) -> Ledger:
    registry = Registry(cast(Any, SimRedis(store, stage)), "memory", hmac_key)
    return Ledger(registry, threading.Event(), logging.getLogger("trainer"))


def test_a_trainer_that_stood_still_does_not_write_over_a_publication() -> None:
    store = Store()
    registry = Registry(cast(Any, SimRedis(store, NoFaults())), "memory")
    payload, record = published(1)
    slow = ledger_on(store, Sleeps(lambda: registry.publish(payload, record)))
    assert not slow.put_record(replace(record, sha256="", verdict=Verdict.FAILED, reason="training_error"))
    assert registry.record_of(INSTRUMENT, 1) == record
    pointer = registry.current(INSTRUMENT)
    assert pointer
    registry.load_pointed(pointer)


def test_a_scorecard_of_a_trainer_that_stood_still_leaves_what_was_learnt_meanwhile() -> None:
    store = Store()
    registry = Registry(cast(Any, SimRedis(store, NoFaults())), "memory")
    registry.publish(*published(1))
    champion, with_baseline = Champion(7, 1, 1), replace(CARD, baseline=Baseline(90, 36, 30, 15))
    awake = ledger_on(store, NoFaults())
    slow = ledger_on(store, Sleeps(lambda: awake.put_scorecard(INSTRUMENT, 1, with_baseline, champion)))
    slow.put_scorecard(INSTRUMENT, 1, CARD, None)
    record = registry.record_of(INSTRUMENT, 1)
    assert record
    assert (record.scorecard, record.champion) == (with_baseline, champion)


@pytest.mark.parametrize("hmac_key", [None, b"secret"])
def test_a_damaged_record_is_written_over(hmac_key: bytes | None) -> None:
    store = Store()
    store.set(keys.record(INSTRUMENT, 1), b"\xff damaged")
    ledger = ledger_on(store, NoFaults(), hmac_key)
    refused = replace(published(1)[1], verdict=Verdict.REFUSED, reason="one_class")
    ledger.put_scorecard(INSTRUMENT, 1, CARD, None)
    assert ledger.record_of(INSTRUMENT, 1) is None
    assert ledger.put_record(refused)
    assert ledger.record_of(INSTRUMENT, 1) == refused


def test_the_first_word_on_a_window_stands() -> None:
    ledger = ledger_on(Store(), NoFaults())
    first = replace(published(1)[1], sha256="", verdict=Verdict.REFUSED, reason="one_class")
    assert ledger.put_record(first)
    assert ledger.put_record(replace(first, published_at_ns=1))
    assert not ledger.put_record(replace(first, verdict=Verdict.FAILED, reason="training_error"))
    assert ledger.record_of(INSTRUMENT, 1) == first
