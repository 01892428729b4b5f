"""The registry of one process beside one on a real Redis: the trainer cannot tell which it writes to."""

import pytest

from services.trainer.runs.ledger import Store
from tests.registry_equivalence import assert_equivalent, ledger_on
from tests.synthetic_models import INSTRUMENT, published
from tidewheel.registry.in_memory import InMemoryRegistry
from tidewheel.registry.store import MODELS_KEPT, Registry

pytestmark = pytest.mark.redis_server


@pytest.mark.parametrize("seed", range(3))
def test_the_same_calls_get_the_same_answers(registry: Registry, seed: int) -> None:
    assert_equivalent(registry, InMemoryRegistry(), seed)


def filled(registry: Store) -> dict[int, bool]:
    """By window, whether its model is still there once more than are kept were made; the first one serves."""
    registry.publish(*published(1))
    last = MODELS_KEPT + 2
    for seq in range(2, last + 1):
        registry.publish_candidate(*published(seq))
    return {seq: ledger_on(registry).kept(INSTRUMENT, seq) is not None for seq in range(1, last + 1)}


def test_both_keep_the_last_and_what_is_pointed_at(registry: Registry) -> None:
    kept = filled(registry)
    assert kept == filled(InMemoryRegistry())
    assert [seq for seq, is_there in kept.items() if not is_there] == [2]
