"""What of the registry a repeat may not take away."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from services.trainer.ledger import Ledger
from tests.made_models import CARD, INSTRUMENT, published
from tests.simulation.redis_memory import SimRedis, Store
from tests.simulation.stage import Calm
from tidewheel.domain.models import Baseline, Rival, Verdict
from tidewheel.registry import keys
from tidewheel.registry.store import Registry


def test_a_scorecard_without_a_baseline_leaves_the_known_one() -> None:
    registry = Registry(cast(Any, SimRedis(Store(), Calm())), "memory")
    ledger = Ledger(registry, threading.Event(), logging.getLogger("trainer"))
    registry.publish(*published(1))
    told = replace(CARD, baseline=Baseline(90, 36, 30, 15))
    newer = replace(CARD, baseline=Baseline(90, 36, 20, 11))
    for card, known in ((CARD, CARD), (told, told), (CARD, told), (newer, newer)):
        ledger.put_scorecard(INSTRUMENT, 1, card, None)
        record = ledger.record_of(INSTRUMENT, 1)
        assert record
        assert record.scorecard == known


class Sleeps(Calm):
    """A process that stands still after its first effect, while others act."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile: Callable[[], object] | None = meanwhile

    def after(self, effect: str) -> None:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile:
            meanwhile()


def a_ledger(store: Store, stage: Calm, hmac_key: bytes | None = None) -> Ledger:
    registry = Registry(cast(Any, SimRedis(store, stage)), "memory", hmac_key)
    return Ledger(registry, threading.Event(), logging.getLogger("trainer"))


def test_a_trainer_that_stood_still_does_not_write_over_a_publication() -> None:
    store = Store()
    registry = Registry(cast(Any, SimRedis(store, Calm())), "memory")
    payload, record = published(1)
    slow = a_ledger(store, Sleeps(lambda: registry.publish(payload, record)))
    assert not slow.put_record(replace(record, sha256="", verdict=Verdict.FAILED, reason="training_error"))
    assert registry.record_of(INSTRUMENT, 1) == record
    pointer = registry.current(INSTRUMENT)
    assert pointer
    registry.load_pointed(pointer)


def test_a_scorecard_of_a_trainer_that_stood_still_leaves_what_was_learnt_meanwhile() -> None:
    store = Store()
    registry = Registry(cast(Any, SimRedis(store, Calm())), "memory")
    registry.publish(*published(1))
    rival, told = Rival(7, 1, 1), replace(CARD, baseline=Baseline(90, 36, 30, 15))
    awake = a_ledger(store, Calm())
    slow = a_ledger(store, Sleeps(lambda: awake.put_scorecard(INSTRUMENT, 1, told, rival)))
    slow.put_scorecard(INSTRUMENT, 1, CARD, None)
    record = registry.record_of(INSTRUMENT, 1)
    assert record
    assert (record.scorecard, record.rival) == (told, rival)


@pytest.mark.parametrize("hmac_key", [None, b"secret"])
def test_a_damaged_record_is_written_over(hmac_key: bytes | None) -> None:
    store = Store()
    store.set(keys.about(INSTRUMENT, 1), b"\xff damaged")
    ledger = a_ledger(store, Calm(), hmac_key)
    refused = replace(published(1)[1], verdict=Verdict.REFUSED, reason="one_class")
    ledger.put_scorecard(INSTRUMENT, 1, CARD, None)
    assert ledger.record_of(INSTRUMENT, 1) is None
    assert ledger.put_record(refused)
    assert ledger.record_of(INSTRUMENT, 1) == refused


def test_the_first_word_on_a_window_stands() -> None:
    ledger = a_ledger(Store(), Calm())
    first = replace(published(1)[1], sha256="", verdict=Verdict.REFUSED, reason="one_class")
    assert ledger.put_record(first)
    assert ledger.put_record(replace(first, published_at_ns=1))
    assert not ledger.put_record(replace(first, verdict=Verdict.FAILED, reason="training_error"))
    assert ledger.record_of(INSTRUMENT, 1) == first
