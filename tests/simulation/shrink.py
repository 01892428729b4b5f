"""From a run that fails to one that fails with as few faults as possible."""

from tests.simulation import runs
from tests.simulation.plan import Fault
from tests.simulation.runs import Outcome

RUNS_MAX = 80


def shrink(failed: Outcome) -> Outcome:
    """Take faults away, many at a time and then one by one, as long as the run still fails; its trace is kept."""
    best, part, left = _try(failed.seed, failed.faults) or failed, max(1, len(failed.faults) // 2), RUNS_MAX
    while part:
        at = 0
        while at < len(best.faults) and left:
            fewer = _try(failed.seed, [*best.faults[:at], *best.faults[at + part :]])
            left -= 1
            if fewer is None:
                at += part
            else:
                best = fewer
        part //= 2
    return best


def _try(seed: int, faults: list[Fault]) -> Outcome | None:
    """The run, if it fails with these faults."""
    outcome = runs.run(seed, faults, verbose=True)
    return outcome if outcome.failure else None


def story(outcome: Outcome) -> str:
    """A failure for people: what went wrong, what was done to the system, and what happened."""
    faults = [f"  {fault}" for fault in outcome.faults] or ["  none"]
    return "\n".join(
        [f"seed {outcome.seed} fails: {outcome.failure}", "faults:", *faults, "what happened, by step:", *outcome.trace]
    )
