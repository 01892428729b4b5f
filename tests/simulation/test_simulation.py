"""A short run of the simulation; `make sim` is the long one."""

from functools import cache
from unittest.mock import patch

import pytest

from services.labeler.core import Labeler
from tests.simulation import checkers, fault_plan, mutants, runs
from tests.simulation.fault_plan import Fault
from tests.simulation.mutants import Mutant
from tests.simulation.runs import RunOutcome
from tests.simulation.shrink import failure_report, shrink

SEEDS = (*range(20), 32)  # in the last one ingest is asked to end
SEEDS_MORE = 60
PLANS = range(3000)


@cache
def outcome(seed: int) -> RunOutcome:
    return runs.run(seed)


def covered() -> set[tuple[str, str, str]]:
    """Kind of service, effect, side: where processes came to in these seeds."""
    return set().union(*(outcome(seed).covered for seed in SEEDS))


def struck() -> set[tuple[str, str, str]]:
    """The same of all that a crash is ever drawn at, and of all requests that ever come late."""
    kinds = ("crash", "held")
    faults = (fault for plan_seed in PLANS for fault in runs.faults_of(plan_seed) if fault.kind in kinds)
    return {(fault.role.partition("-")[0], fault.effect, fault.side) for fault in faults}


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_doubled_or_reordered(seed: int) -> None:
    assert outcome(seed).failure == "", f"`make sim SEED={seed}` tells more"


def test_every_effect_may_fail_on_both_sides() -> None:
    assert struck() - covered() == set(), "there is no such effect any more"
    assert covered() - struck() == set(), "an effect that EFFECTS_PER_RUN does not know"


@pytest.mark.parametrize("site", ["ingest leave", "orderbot poll", "labeler leave", "trainer poll"])
def test_an_effect_that_no_fault_is_drawn_at_is_told(site: str) -> None:
    kind, effect = site.split()
    others = {known: often for known, often in fault_plan.EFFECTS_PER_RUN[kind].items() if known != effect}
    with patch.dict(fault_plan.EFFECTS_PER_RUN, {kind: others}):
        assert covered() - struck() == {(kind, effect, "before"), (kind, effect, "after")}


def test_the_faults_really_happen() -> None:
    drawn = {fault.kind for plan_seed in PLANS for fault in runs.faults_of(plan_seed)}
    assert {fault.kind for seed in SEEDS for fault in outcome(seed).injected} == drawn
    assert drawn >= {"compact", "move", "timeout", "poison", "repeat"}


def test_each_service_is_asked_to_end() -> None:
    asked = {fault.role.partition("-")[0] for seed in SEEDS for fault in outcome(seed).injected if fault.kind == "stop"}
    assert asked == {role.partition("-")[0] for role in fault_plan.ROLES}


def test_an_operator_finds_something_to_move() -> None:
    move = Fault("move", "operator", 1)  # long before the first model
    assert any("moved by hand" in line for seed in SEEDS for line in runs.run(seed, [move], verbose=True).trace)


def test_a_seed_is_the_same_run_each_time() -> None:
    first, second = (runs.run(7, verbose=True) for _ in range(2))
    assert first.trace == second.trace
    assert first.steps == second.steps
    assert first.injected == second.injected


@pytest.mark.parametrize("fault", mutants.MUTANTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(fault: Mutant) -> None:
    found = mutants.find(fault, [fault.seed, *range(SEEDS_MORE)])
    assert found is not None
    assert fault.killed_by in found.reason


def test_a_fault_that_only_breaks_a_process_is_not_found_by_a_check() -> None:
    typo = Mutant(0, "a typo", "labels: ", Labeler, "on_second", lambda right: lambda labeler, _: labeler.typo)
    found = mutants.find(typo, [typo.seed])
    assert found is not None
    assert "has no attribute 'typo'" in found.reason
    assert typo.killed_by not in found.reason


def test_a_labeler_that_takes_a_repeat_for_a_new_second_is_found_by_repeats_alone() -> None:
    mutant = next(one for one in mutants.MUTANTS if "takes a repeat" in one.name)
    with mutant.apply():
        failed = runs.run(mutant.seed)
        others = [fault for fault in failed.faults if fault.kind != "repeat"]
        assert failed.failure != ""
        assert runs.run(mutant.seed, others).failure == ""


def test_every_check_finds_a_planted_fault() -> None:
    names = {checker.__name__ for checker in checkers.CHECKERS}
    assert names <= {fault.killed_by.partition(":")[0] for fault in mutants.MUTANTS}


def test_a_failure_shrinks_to_the_faults_it_needs_and_can_be_read() -> None:
    fault = next(one for one in mutants.MUTANTS if "one record too far" in one.name)
    with fault.apply():
        failed = mutants.runs.run(fault.seed)
        assert failed.failure
        small = shrink(failed)
    assert small.failure
    assert len(small.faults) <= 2 < len(failed.faults)
    printed = failure_report(small)
    assert f"seed {fault.seed} fails: " in printed
    assert all(str(one) in printed for one in small.faults)


def test_a_fault_reads_as_a_sentence() -> None:
    fault = Fault("crash", "labeler-0", 7, "commit", "after", more=20)
    assert str(fault).split() == ["crash", "labeler-0", "after", "commit", "7", "20"]
    fault = Fault("held", "labeler-0", 7, "EndTxn", "sent", "resent", 3, behind="AddOffsetsToTxn")
    assert str(fault).split()[2:] == ["sent", "EndTxn", "7", "resent", "3", "behind", "AddOffsetsToTxn"]
