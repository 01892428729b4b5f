"""From a run that fails to one that fails with as few faults as possible."""

from tests.simulation import runs
from tests.simulation.fault_plan import Fault
from tests.simulation.runs import RunOutcome

RUNS_MAX = 80


def shrink(failed: RunOutcome) -> RunOutcome:
    """Take faults away, many at a time and then one by one, as long as the run still fails; its trace is kept."""
    best, part, left = _rerun(failed.seed, failed.faults) or failed, max(1, len(failed.faults) // 2), RUNS_MAX
    while part:
        at = 0
        while at < len(best.faults) and left:
            fewer = _rerun(failed.seed, [*best.faults[:at], *best.faults[at + part :]])
            left -= 1
            if fewer is None:
                at += part
            else:
                best = fewer
        part //= 2
    return best


def _rerun(seed: int, faults: list[Fault]) -> RunOutcome | None:
    """The run, if it fails with these faults."""
    outcome = runs.run(seed, faults, verbose=True)
    return outcome if outcome.failure else None


def failure_report(outcome: RunOutcome) -> str:
    """A failure for people: what went wrong, what was done to the system, and what happened."""
    faults = [f"  {fault}" for fault in outcome.faults] or ["  none"]
    return "\n".join(
        [f"seed {outcome.seed} fails: {outcome.failure}", "faults:", *faults, "what happened, by step:", *outcome.trace]
    )
