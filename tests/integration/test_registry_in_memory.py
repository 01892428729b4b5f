"""The simulation's Redis in memory beside a real one: the same calls of the registry get the same answers."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import cycle
from random import Random
from typing import Any, cast

import pytest

from tests.simulation.injector import NoFaults
from tests.simulation.redis_memory import SimRedis, Store
from tests.synthetic_models import CARD, INSTRUMENT, published, put
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.models import Evidence, ModelRecord
from tidewheel.registry.store import Registry, RegistryUnavailableError, VerificationError, WrongDirectionError

pytestmark = pytest.mark.redis_server
CALLS = 60
SEQ_MAX = 8


def called(registry: Registry, kind: str, seq: int, salt: int) -> object:
    """One call's answer; a doubt is one too."""
    payload, record = published(seq, salt=salt)
    try:
        if kind == "publish":
            return registry.publish(payload, record)
        if kind == "candidate":
            return registry.publish_candidate(payload, record)
        if kind in ("rollback", "promote"):
            getattr(registry, kind)(INSTRUMENT, seq)
            return "moved"
        put(registry, replace(record, scorecard=CARD))
    except VerificationError as error:
        return error.reason
    except WrongDirectionError as wrong:
        return str(wrong)
    return "recorded"


def state(registry: Registry) -> list[object]:
    """All that a reader sees, without the wall clock."""
    pointers = [registry.current(INSTRUMENT), registry.candidate(INSTRUMENT)]
    known: list[object] = [one and replace(one, pointed_at_ns=0, born_ns=0) for one in pointers]
    records = [record for record in registry.records(INSTRUMENT) if isinstance(record, ModelRecord)]
    return [*known, records, registry.instruments()]


@pytest.mark.parametrize("seed", range(5))
def test_both_answer_alike(empty_redis: str, seed: int) -> None:
    chance = Random(seed)
    real = Registry.connect(empty_redis)
    memory = Registry(cast(Any, SimRedis(Store(), NoFaults())), "memory")
    for _ in range(CALLS):
        kind = chance.choice(("publish", "publish", "candidate", "candidate", "rollback", "promote", "record"))
        call = kind, chance.randint(1, SEQ_MAX), chance.choice((0, 0, 0, 1))
        assert called(real, *call) == called(memory, *call), call
        assert state(real) == state(memory), call
    real.close()


@pytest.fixture(params=["real", "memory"])
def either(request: pytest.FixtureRequest, empty_redis: str) -> Iterator[Registry]:
    if request.param == "real":
        with closing(Registry.connect(empty_redis)) as real:
            yield real
    else:
        yield Registry(cast(Any, SimRedis(Store(), NoFaults())), "memory")


def test_both_refuse_to_write_over_what_was_not_read(either: Registry) -> None:
    payload, record = published(1)
    asked: list[object] = []

    def change(known: object) -> ModelRecord | None:
        asked.append(known)
        if known is not None:
            return None
        either.publish(payload, record)  # by another trainer, in between
        return replace(record, sha256="", reason="training_error")

    assert either.update_record(INSTRUMENT, 1, change) == record
    assert asked == [None, record]
    pointer = either.current(INSTRUMENT)
    assert pointer
    assert encode_model(either.load_pointed(pointer)) == payload


def test_both_end_a_quarrel_over_a_record(either: Registry) -> None:
    record, evidence = published(1)[1], cycle(Evidence)

    def change(_: object) -> ModelRecord:
        put(either, replace(record, evidence=next(evidence)))
        return record

    with pytest.raises(RegistryUnavailableError, match="others keep writing"):
        either.update_record(INSTRUMENT, 1, change)
