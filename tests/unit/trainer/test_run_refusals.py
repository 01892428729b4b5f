"""Why one window gives no model, said before any time is spent; and what takes over from a winner that is none."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from services.trainer import tuning
from services.trainer.reasons import FAILURES, RunReason, verdict_of
from services.trainer.rows import Rows
from tests.unit.trainer.made_runs import CONFIG, a_window, changed, made, refusal
from tidewheel.domain.models import Verdict
from tidewheel.domain.training import Step

# Pulls every weight to zero in its first step.
DEAD = replace(tuning.FIRST, l1=1.0, learning_rate=1.0, epochs=CONFIG.epochs)


def test_one_class() -> None:
    window = changed(lambda rows: replace(rows, label=np.zeros_like(rows.label)))
    assert refusal(window) == (RunReason.ONE_CLASS, [])


@pytest.mark.parametrize("bounds", [(0, 1700), (1700, 2000)], ids=["development", "test"])
def test_one_class_in_a_part_ends_the_run_before_tuning(bounds: tuple[int, int]) -> None:
    def one_class(rows: Rows) -> Rows:
        order = np.lexsort((rows.order_id, rows.placed_ns))[slice(*bounds)]
        rows.label[order] = 1
        return rows

    assert refusal(changed(one_class)) == (RunReason.ONE_CLASS, [Step.VALIDATED, Step.SPLIT])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_not_finite(value: float) -> None:
    def broken(rows: Rows) -> Rows:
        rows.features[77, 300] = value
        return rows

    assert refusal(changed(broken)) == (RunReason.NOT_FINITE, [])


def test_lives_so_long_that_the_purge_leaves_nothing() -> None:
    def long_lived(rows: Rows) -> Rows:
        return replace(rows, resolved_ns=np.full_like(rows.resolved_ns, rows.resolved_ns.max()))

    assert refusal(changed(long_lived)) == (RunReason.TOO_FEW_ROWS, [Step.VALIDATED, Step.SPLIT])


def test_fewer_rows_than_a_mini_batch() -> None:
    def alternating(rows: Rows) -> Rows:
        few = rows.take(slice(0, 140))
        return replace(few, label=(np.arange(140) % 2).astype(np.uint8))

    assert refusal(changed(alternating)) == (RunReason.TOO_FEW_ROWS, [Step.VALIDATED, Step.SPLIT])


def test_constant_columns_only_tell_nothing_apart() -> None:
    window = changed(lambda rows: replace(rows, features=np.full_like(rows.features, 3.0)))
    reason, steps = refusal(window)
    assert reason is RunReason.NO_FEASIBLE_TRIAL
    assert steps[:2] == [Step.VALIDATED, Step.SPLIT]


def dead_winner(monkeypatch: pytest.MonkeyPatch, incumbent_feasible: bool = True, is_incumbent: bool = False) -> None:
    """A search whose winner comes to nothing once all rows train it."""
    search = tuning.Search.run

    def found(self: tuning.Search, on_trial: Callable[..., None]) -> tuning.Selected:
        selected = search(self, on_trial)
        incumbent = replace(selected.incumbent, feasible=incumbent_feasible)
        dead = replace(incumbent, hyperparameters=DEAD)
        return replace(selected, tried=dead, incumbent=dead if is_incumbent else incumbent, number=3, how="by luck")

    monkeypatch.setattr(tuning.Search, "run", found)


def test_a_winner_that_comes_to_nothing_on_all_rows_gives_way_to_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    dead_winner(monkeypatch)
    candidate, events = made(a_window())
    first, second = events[-2:]
    assert (first.step, second.step) == (Step.SELECTED, Step.SELECTED)
    assert first.detail == "trial 3: by luck"
    assert "trial 3 tells no row from another once all rows train it; the first setting takes over" in second.detail
    assert first.trial is not None
    assert second.trial is not None
    assert first.trial.hyperparameters == DEAD
    assert (second.trial.number, second.trial.hyperparameters) == (1, replace(tuning.FIRST, epochs=6))
    assert candidate.model.hyperparameters == candidate.twin.hyperparameters == replace(tuning.FIRST, epochs=6)


@pytest.mark.parametrize(("feasible", "same"), [(False, False), (True, True)])
def test_where_nothing_is_left_to_fall_back_on_there_is_no_model(
    monkeypatch: pytest.MonkeyPatch, feasible: bool, same: bool
) -> None:
    dead_winner(monkeypatch, feasible, same)
    reason, steps = refusal(a_window())
    assert reason is RunReason.NO_FEASIBLE_TRIAL
    assert steps[-2:] == [Step.TRIAL, Step.SELECTED]


def test_verdicts_of_reasons() -> None:
    assert verdict_of(None) is Verdict.PUBLISHED
    assert {reason for reason in RunReason if verdict_of(reason) is Verdict.FAILED} == FAILURES
