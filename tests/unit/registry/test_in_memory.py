"""The registry of one process beside the real one on a Redis in memory, which a test holds to a real Redis."""

from dataclasses import replace
from typing import Any, cast

import pytest

from tests.registry_equivalence import assert_equivalent
from tests.simulation import redis_memory
from tests.simulation.injector import NoFaults
from tests.synthetic_models import INSTRUMENT, published
from tidewheel.domain.models import Evidence, ModelRecord, Verdict
from tidewheel.registry.in_memory import InMemoryRegistry
from tidewheel.registry.store import MODELS_KEPT, RECORDS_KEPT, Publication, Registry, VerificationError


def real() -> Registry:
    return Registry(cast(Any, redis_memory.SimRedis(redis_memory.Store(), NoFaults())), "memory")


@pytest.mark.parametrize("seed", range(8))
def test_a_ledger_cannot_tell_which_it_writes_to(seed: int) -> None:
    assert_equivalent(real(), InMemoryRegistry(), seed)


class Unfenced(InMemoryRegistry):
    """Planted: windows are published in any order."""

    def _publish(self, role: str, _: int, model_bytes: bytes, record: ModelRecord) -> Publication:
        return super()._publish(role, 0, model_bytes, record)


def test_a_registry_without_a_fence_is_found_out() -> None:
    def differs(seed: int) -> bool:
        try:
            assert_equivalent(real(), Unfenced(), seed)
        except AssertionError:
            return True
        return False

    assert any(map(differs, range(8)))


def test_bytes_that_no_predictor_would_take_are_refused() -> None:
    payload, record = published(1)
    registry = InMemoryRegistry()
    for publish in (registry.publish, registry.publish_candidate):
        with pytest.raises(VerificationError):
            publish(payload + b"x", record)
    assert registry.records(INSTRUMENT) == []
    with pytest.raises(VerificationError):
        registry.load(INSTRUMENT, 1)


def test_evidence_follows_into_the_pointer() -> None:
    payload, record = published(1)
    registry = InMemoryRegistry()
    registry.publish(payload, record)
    registry.update_record(INSTRUMENT, 1, lambda _: replace(record, evidence=Evidence.STRONG))
    pointer = registry.current(INSTRUMENT)
    assert pointer
    assert pointer.evidence is Evidence.STRONG


def is_kept(registry: InMemoryRegistry, seq: int) -> bool:
    try:
        registry.load(INSTRUMENT, seq)
    except VerificationError:
        return False
    return True


def test_the_last_are_kept_and_what_is_pointed_at() -> None:
    registry, last = InMemoryRegistry(), RECORDS_KEPT + 3
    registry.publish(*published(1))
    for seq in range(2, MODELS_KEPT + 3):
        payload, record = published(seq)
        registry.publish_candidate(payload, replace(record, verdict=Verdict.REFUSED, reason="not_proven"))
    assert [seq for seq in range(1, MODELS_KEPT + 3) if is_kept(registry, seq)] == [1, *range(3, MODELS_KEPT + 3)]
    for seq in range(MODELS_KEPT + 3, last + 1):
        registry.update_record(INSTRUMENT, seq, lambda _, seq=seq: replace(published(1)[1], seq=seq, sha256=""))  # type: ignore[misc]
    records = {record.seq for record in registry.records(INSTRUMENT)}
    assert records == {1, MODELS_KEPT + 2, *range(last - RECORDS_KEPT + 1, last + 1)}
    registry.load(INSTRUMENT, 1)
