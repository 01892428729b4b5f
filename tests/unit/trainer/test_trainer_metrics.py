"""What the trainer tells of windows and runs: how many in a row gave no model, and where the newest run stands."""

import pytest

from services.trainer import metrics
from tests.predictors import metric_value
from tidewheel.domain.models import Hyperparameters
from tidewheel.domain.training import RunEvent, RunReason, Step, Trial


def without_model(instrument: str) -> float:
    return metric_value("tidewheel_windows_without_model", instrument=instrument)


def newest(instrument: str, outcome: str) -> float:
    return metric_value("tidewheel_newest_model_seq", instrument=instrument, outcome=outcome)


def test_windows_that_should_have_given_a_model_are_counted_until_one_does() -> None:
    name = "test:windows"
    metrics.record_begun(name)
    for seq, reason in enumerate((RunReason.ONE_CLASS, RunReason.TRAINING_ERROR, RunReason.NO_FEASIBLE_TRIAL), 1):
        metrics.record_end(name, seq, reason)
    assert without_model(name) == 3
    metrics.record_end(name, 4, "")
    assert (without_model(name), newest(name, "published")) == (0, 4)


@pytest.mark.parametrize("reason", [RunReason.NOT_DUE, RunReason.STALE, RunReason.WORSE_THAN_SERVED])
def test_windows_without_a_model_by_design_are_not(reason: RunReason) -> None:
    name = f"test:{reason}"
    metrics.record_begun(name)
    metrics.record_end(name, 1, reason)
    assert without_model(name) == 0


def test_a_candidate_is_a_model() -> None:
    name = "test:candidate"
    metrics.record_end(name, 1, RunReason.ONE_CLASS)
    metrics.record_end(name, 2, RunReason.NOT_PROVEN)
    assert (without_model(name), newest(name, "candidate"), newest(name, "published")) == (0, 2, 0)


def test_the_step_is_that_of_the_newest_run() -> None:
    name = "test:steps"
    trial = Trial(1, 2, 0.4, True, 0.5, 0.3, 1.0, Hyperparameters(True, 0.0, 0.1, 1.0, 0.0, 32))
    metrics.record_step(RunEvent(name, 3, Step.TRIAL, 0, trial=trial))
    assert metric_value("tidewheel_training_step", instrument=name) == Step.TRIAL
    assert metric_value("tidewheel_trial_score", instrument=name, which="last") == 0.4
    metrics.record_step(RunEvent(name, 3, Step.PUBLISHED, 0))
    metrics.record_step(RunEvent(name, 2, Step.SCORED, 0))  # comes a window later, and is no step of this run
    assert metric_value("tidewheel_training_step", instrument=name) == Step.PUBLISHED


def test_at_first_the_bettor_has_what_she_began_with() -> None:
    name = "test:begun"
    metrics.record_begun(name)
    sides = [metric_value("tidewheel_e_value", instrument=name, side=side) for side in ("gross", "net")]
    assert sides == [1, 1]
