"""Why one window gives no model; and what takes over where a part of it, or the search, is of no use."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from services.trainer.core import SearchStart
from services.trainer.dataset.rows import Rows
from services.trainer.promotion import gate
from services.trainer.search import tuning
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tests import synthetic_rows
from tests.unit.trainer.made_runs import CONFIG, SIZE, a_window, changed, made, refusal
from tidewheel.domain.models import Scorer, Verdict
from tidewheel.domain.training import FAILURES, RunReason, Step, verdict_of
from tidewheel.registry.verify import ExpectedModel, verify

# Pulls every weight to zero in its first step.
DEAD = replace(tuning.DEFAULT_SETTING, l1=1.0, learning_rate=1.0, epochs=CONFIG.epochs)


def test_one_class() -> None:
    window = changed(lambda rows: replace(rows, label=np.zeros_like(rows.label)))
    assert refusal(window) == (RunReason.ONE_CLASS, [])


def test_one_class_in_all_that_is_remembered() -> None:
    window = changed(lambda rows: replace(rows, label=np.zeros_like(rows.label)))
    later = replace(window, seq=2, memory=(window.remembered(),))
    assert refusal(later) == (RunReason.ONE_CLASS, [])


def of_one_class(first: int, end: int) -> Window:
    """The window with PROFIT only in some of its rows by placed time."""

    def one_class(rows: Rows) -> Rows:
        order = np.lexsort((rows.order_id, rows.placed_ns))
        rows.label[order[first:end]] = 1
        return rows

    return changed(one_class)


def test_one_class_before_the_test_part_gives_a_model_without_a_holdout_model_which_is_published() -> None:
    """The search is made on all rows; of the test part nothing is stated but its base rate."""
    window = of_one_class(0, 1700)
    candidate, events = made(window)
    assert candidate.holdout_model is None
    model = verify(candidate.model_bytes, ExpectedModel(synthetic_rows.INSTRUMENT, 1, candidate.sha256))
    assert (model.test.rows, model.test.positives, model.test.precision, model.test.recall) == (0, 0, 0.0, 0.0)
    assert (model.test.auc, model.test.curve, model.test.calibration) == (0.5, (), ())
    assert model.base_rate == candidate.test.label.mean()
    assert 0 < model.base_rate < 1
    assert model.training.rows == SIZE
    assert np.ptp(Scorer.of(model).scores(window.rows.features)) > 0
    assert [event.step for event in events][:2] == [Step.VALIDATED, Step.SPLIT]
    assert events[-1].step is Step.SELECTED
    for served in (None, model):
        decision = gate.decide(candidate.holdout_model, served, candidate.test)
        assert decision.reason is None
        assert decision.detail == "too little was known before the test part to state anything of it"


def test_one_class_in_the_test_part_is_stated_and_refuses_nothing() -> None:
    candidate, events = made(of_one_class(1700, 2000))
    assert candidate.holdout_model is not None
    assert (candidate.model.test.rows, candidate.model.test.positives) == (300, 300)
    assert candidate.model.base_rate == 1.0
    assert [event.step for event in events] == [Step.VALIDATED, Step.SPLIT, *[Step.TRIAL] * 4, Step.SELECTED]
    assert gate.decide(candidate.holdout_model, None, candidate.test).reason is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_not_finite(value: float) -> None:
    def broken(rows: Rows) -> Rows:
        rows.features[77, 300] = value
        return rows

    assert refusal(changed(broken)) == (RunReason.NOT_FINITE, [])


def test_where_nothing_can_be_held_out_the_first_setting_is_taken_and_it_is_said() -> None:
    """Lives so long that the purge leaves nothing: no trial, no holdout model, no row scored out of fold."""

    def long_lived(rows: Rows) -> Rows:
        return replace(rows, resolved_ns=np.full_like(rows.resolved_ns, rows.resolved_ns.max()))

    candidate, events = made(changed(long_lived))
    assert [event.step for event in events] == [Step.VALIDATED, Step.SPLIT, Step.SELECTED]
    assert events[-1].detail == "nothing can be held out to search with, so the first setting is taken"
    assert events[-1].trial is None
    sizes = events[1].split
    assert sizes is not None
    assert (sizes.training, sizes.validation, sizes.test, sizes.purged) == (0, 0, 300, 1700)
    model = verify(candidate.model_bytes, ExpectedModel(synthetic_rows.INSTRUMENT, 1, candidate.sha256))
    assert candidate.holdout_model is None
    assert model.hyperparameters == replace(tuning.DEFAULT_SETTING, epochs=CONFIG.epochs)
    assert json.loads(model.lineage.training_config)["trials"] == 0
    assert (model.training.rows, model.validation.rows, model.test.rows) == (SIZE, 0, 0)
    assert (model.training.at_threshold.threshold, model.training.precision > 0) == (model.threshold, True)


def test_what_was_made_without_a_search_is_made_again_from_its_lineage() -> None:
    def long_lived(rows: Rows) -> Rows:
        return replace(rows, resolved_ns=np.full_like(rows.resolved_ns, rows.resolved_ns.max()))

    warm = SearchStart(replace(tuning.DEFAULT_SETTING, learning_rate=3e-4, epochs=2))
    candidate, _ = made(changed(long_lived), CONFIG, warm)
    assert candidate.model.hyperparameters == replace(tuning.DEFAULT_SETTING, learning_rate=3e-4, epochs=CONFIG.epochs)
    lineage = candidate.model.lineage
    config = TrainingConfig.from_dict(json.loads(lineage.training_config))
    again, _ = made(changed(long_lived), config, SearchStart.from_lineage(lineage.started_from))
    assert again.model_bytes == candidate.model_bytes


def few_rows(count: int) -> Window:
    def alternating(rows: Rows) -> Rows:
        few = rows.take(slice(0, count))
        return replace(few, label=(np.arange(count) % 2).astype(np.uint8))

    return changed(alternating)


def test_fewer_rows_than_a_mini_batch() -> None:
    assert refusal(few_rows(99)) == (RunReason.TOO_FEW_ROWS, [])


def test_fewer_rows_before_the_test_part_than_a_mini_batch_give_a_model_without_a_holdout_model() -> None:
    candidate, _ = made(few_rows(110))
    assert candidate.holdout_model is None
    assert (candidate.model.training.rows, candidate.model.test.rows, len(candidate.test)) == (110, 0, 17)


def test_constant_columns_only_tell_nothing_apart() -> None:
    window = changed(lambda rows: replace(rows, features=np.full_like(rows.features, 3.0)))
    reason, steps = refusal(window)
    assert reason is RunReason.NO_FEASIBLE_TRIAL
    assert steps == [Step.VALIDATED, Step.SPLIT, *[Step.TRIAL] * 4, Step.SELECTED]


def dead_winner(monkeypatch: pytest.MonkeyPatch, incumbent_feasible: bool = True, is_incumbent: bool = False) -> None:
    """A search whose winner comes to nothing once all rows train it."""
    search = tuning.Search.run

    def found(self: tuning.Search, on_trial: Callable[..., None]) -> tuning.SearchResult:
        selected = search(self, on_trial)
        incumbent = replace(selected.incumbent, feasible=incumbent_feasible)
        dead = replace(incumbent, hyperparameters=DEAD)
        return replace(
            selected, winner=dead, incumbent=dead if is_incumbent else incumbent, number=3, explanation="by luck"
        )

    monkeypatch.setattr(tuning.Search, "run", found)


def test_a_winner_that_comes_to_nothing_on_all_rows_gives_way_to_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    dead_winner(monkeypatch)
    candidate, events = made(a_window())
    first, second = events[-2:]
    assert (first.step, second.step) == (Step.SELECTED, Step.SELECTED)
    assert first.detail == "trial 3: by luck"
    assert second.detail == "the winner tells no row from another once all rows train it; the first setting takes over"
    assert first.trial is not None
    assert first.trial.hyperparameters == DEAD
    assert second.trial is None
    assert candidate.holdout_model is not None
    assert (
        candidate.model.hyperparameters
        == candidate.holdout_model.hyperparameters
        == replace(tuning.DEFAULT_SETTING, epochs=6)
    )
    assert json.loads(candidate.model.lineage.training_config)["trials"] == CONFIG.trials


def test_the_first_takes_over_though_it_was_not_feasible_either(monkeypatch: pytest.MonkeyPatch) -> None:
    dead_winner(monkeypatch, incumbent_feasible=False)
    candidate, events = made(a_window())
    assert events[-1].detail.endswith("the first setting takes over")
    assert candidate.model.hyperparameters == replace(tuning.DEFAULT_SETTING, epochs=6)


def test_where_nothing_is_left_to_fall_back_on_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    dead_winner(monkeypatch, is_incumbent=True)
    reason, steps = refusal(a_window())
    assert reason is RunReason.NO_FEASIBLE_TRIAL
    assert steps[-2:] == [Step.TRIAL, Step.SELECTED]


def test_verdicts_of_reasons() -> None:
    assert verdict_of(None) is Verdict.PUBLISHED
    assert {reason for reason in RunReason if verdict_of(reason) is Verdict.FAILED} == FAILURES
