"""What a run's events come to, whatever is repeated. More of it where it is shown: `tests/unit/local`, `report`."""

from dataclasses import replace

from tests.unit.local.values import event, trial, whole_run
from tidewheel.domain.models import Verdict
from tidewheel.domain.training import RunEvent, Step
from tidewheel.domain.training_runs import TrainingRun


def folded(*events: RunEvent) -> TrainingRun:
    run = TrainingRun(1)
    for one in events:
        run.on_event(one)
    return run


def test_a_step_ends_a_run_by_one_verdict_or_by_none() -> None:
    assert [Step.of_verdict(verdict).verdict for verdict in Verdict] == list(Verdict)
    assert [step for step in Step if step.verdict] == [Step.PUBLISHED, Step.REFUSED, Step.FAILED]


def test_a_setting_that_comes_to_nothing_is_not_called_chosen() -> None:
    first, last = event(1, Step.SELECTED, trial=trial(3, 0.4)), event(1, Step.SELECTED)
    assert folded(first).selected == trial(3, 0.4)
    assert folded(first, last).selected is None
    assert folded(first, last, first, last).selected is None


def test_a_run_begun_again_is_the_run_it_was_but_for_the_count() -> None:
    events = whole_run(1)
    later = [replace(one, at_ns=one.at_ns + 10**12) for one in events]
    assert folded(*events, *later) == replace(folded(*events), begun_times=2)


def test_the_first_end_counts_but_published_is_published() -> None:
    ends = {step: event(1, step, reason=step.name) for step in (Step.REFUSED, Step.FAILED, Step.PUBLISHED)}
    assert folded(ends[Step.FAILED], ends[Step.REFUSED]).end is Step.FAILED
    assert folded(ends[Step.FAILED], ends[Step.PUBLISHED], ends[Step.REFUSED]).reason == "PUBLISHED"
