"""A short chaos: services and the broker killed, a labeler more for a while, one replaced while it stands still, Redis
away. `make chaos` is the long one."""

from pathlib import Path

import pytest

from tests.system.chaos import plan
from tests.system.chaos.disturbed import disturb
from tests.system.conftest import REPLAYED_ONCE, Replayed

pytestmark = [pytest.mark.system, REPLAYED_ONCE]

# The labeler is replaced while all are well, and the broker killed last.
SEED = 12
SECONDS = 45.0


def test_a_short_chaos_changes_nothing(replayed: Replayed, tmp_path: Path) -> None:
    verdict = disturb(plan.once(SEED), tmp_path, replayed, SECONDS, print)
    assert verdict.faults == []
    assert set(verdict.done) == {choice.kind for choice in plan.SHORT}
    killed = {target for choice in plan.SHORT if choice.kind is plan.Kind.KILL for target in choice.targets}
    assert {name for name, count in verdict.restarts.items() if count} >= killed & set(plan.SERVICES)
