"""The chosen setting on all rows: its scores are the curve's through its own units, its flags those held out."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer import learner
from services.trainer.config import TrainingConfig
from services.trainer.crossfit import Folds, out_of_fold
from services.trainer.finish import Finished, finish, finish_on_all
from services.trainer.judging import Judge, Tried
from services.trainer.parts import usable_folds
from services.trainer.platt import curve_of
from services.trainer.reasons import NoModel, RunReason
from services.trainer.rows import Rows
from services.trainer.tuning import FIRST
from tests.unit.trainer import made_parts, naive
from tidewheel.domain.models import Hyperparameters, sigmoid

CONFIG = TrainingConfig(epochs=6)
QUICK = replace(FIRST, learning_rate=0.01, mini_batch_size=100, epochs=6)
SEED = 3


def tried_on(part: Rows, setting: Hyperparameters = QUICK, config: TrainingConfig = CONFIG) -> Tried:
    folds = Folds.of(part, usable_folds(part, 3), config, SEED)
    (seen,) = out_of_fold(folds, [setting], config, SEED, [setting.epochs])
    return Judge(part.label[folds.places], folds.fold_of, config.criterion).judge([setting], seen)[0]


def finished(part: Rows, tried: Tried, config: TrainingConfig = CONFIG) -> Finished:
    return finish(part, tried.units, part.label, tried, config, SEED)


def scores(found: Finished, features: np.ndarray) -> np.ndarray:
    """As a predictor gives them."""
    return sigmoid((features.astype(np.float64) - found.scaling.mean) / found.scaling.std @ found.weights + found.bias)


def test_scores_are_the_curve_through_the_models_own_units() -> None:
    part = made_parts.part()
    tried = tried_on(part)
    found = finished(part, tried)
    prepared = learner.prepare(part.features, part.label, SEED)
    fit = learner.train(prepared, [QUICK], SEED, 6)
    own = fit.logits(prepared.features)[:, 0]
    units = (fit.logits(prepared.scaling.apply(part.features))[:, 0] - own.mean()) / own.std()
    curve = curve_of(tried.units, part.label)
    np.testing.assert_allclose(scores(found, part.features), curve.scores(units), atol=1e-5)
    np.testing.assert_allclose(found.scaling.mean, part.features.mean(axis=0, dtype=np.float64))


def test_rows_held_out_are_scored_by_the_curve_and_flagged_as_in_units() -> None:
    part = made_parts.part()
    tried = tried_on(part)
    found = finished(part, tried)
    np.testing.assert_allclose(found.held_out, curve_of(tried.units, part.label).scores(tried.units))
    assert found.labels is part.label
    fitting = replace(CONFIG.criterion, recall_min=CONFIG.criterion.recall_min * tried.aim)
    cut = naive.best_cut(tried.units, part.label, np.ones(len(part), dtype=bool), fitting)
    assert ((found.held_out >= found.threshold) == (tried.units >= cut)).all()


@pytest.mark.parametrize("aim", [1.0, 1.5, 3.0])
def test_the_threshold_aims_as_high_as_the_setting_needed(aim: float) -> None:
    part = made_parts.part(signal=2.0)
    found = finished(part, replace(tried_on(part), aim=aim))
    recall = part.label[found.held_out >= found.threshold].sum() / part.label.sum()
    assert recall >= 0.25 * aim
    assert recall < 0.25 * aim + 0.25


def test_scores_say_how_often_fresh_rows_are_right() -> None:
    """A gentle setting's own scores lie close to a half; the curve stretches them."""
    part, fresh = made_parts.part(1, 3000, 2.0), made_parts.part(2, 20_000, 2.0)
    gentle = replace(QUICK, learning_rate=1e-4)
    found = finished(part, tried_on(part, gentle))
    said = scores(found, fresh.features)
    assert said.max() > 0.9
    for rows in np.array_split(np.argsort(said), 8):
        assert fresh.label[rows].mean() == pytest.approx(said[rows].mean(), abs=0.06)
    prepared = learner.prepare(part.features, part.label, SEED)
    bare = learner.train(prepared, [gentle], SEED, 6).logits(prepared.scaling.apply(fresh.features))[:, 0]
    assert sigmoid(bare).max() < 0.6


def test_units_that_mislead_turn_no_ranking() -> None:
    """Where higher units were worse on rows held out, scores still rise with the model's own logits, slightly."""
    part = made_parts.part(signal=2.0)
    tried = tried_on(part)
    right, misled = finished(part, tried), finished(part, replace(tried, units=-tried.units))
    order = np.argsort(scores(right, part.features))
    assert (np.diff(scores(misled, part.features)[order]) >= 0).all()
    assert np.ptp(scores(misled, part.features)) < 0.05


def test_a_model_that_tells_nothing_apart_is_none() -> None:
    part = made_parts.part()
    tried = replace(tried_on(part), hyperparameters=replace(QUICK, l1=1.0, learning_rate=1.0))
    with pytest.raises(NoModel) as caught:
        finished(part, tried)
    assert caught.value.reason is RunReason.NO_FEASIBLE_TRIAL


def test_a_setting_stopped_early_is_trained_no_longer() -> None:
    part = made_parts.part()
    stopped = tried_on(part, replace(QUICK, epochs=2))
    found = finished(part, stopped)
    prepared = learner.prepare(part.features, part.label, SEED)
    (fit,) = learner.train_stages(prepared, [QUICK], SEED, 6, CONFIG.update, CONFIG.loss, [2])
    direction = fit.weights[:, 0] / np.linalg.norm(fit.weights[:, 0])
    np.testing.assert_allclose(found.weights / np.linalg.norm(found.weights), direction, atol=1e-6)
    longer = finished(part, replace(stopped, hyperparameters=QUICK)).weights
    assert not np.allclose(found.weights / np.linalg.norm(found.weights), longer / np.linalg.norm(longer), atol=1e-3)


def test_uniqueness_weights_reach_the_model() -> None:
    part = made_parts.changed(made_parts.part())
    part.resolved_ns[:300] += 30 * made_parts.SECOND_NS
    tried = tried_on(part)
    plain, weighed = (finished(part, tried, replace(CONFIG, uniqueness_weights=on)) for on in (False, True))
    assert (plain.weights != weighed.weights).any()


def test_on_all_rows_they_are_scored_out_of_fold_anew() -> None:
    whole, known = made_parts.part(count=700), made_parts.part(count=700).take(slice(0, 595))
    tried = tried_on(known)
    cut = usable_folds(whole, 3)
    found = finish_on_all(whole, cut, tried, CONFIG, SEED)
    again = tried_on(whole)
    wanted = finish(whole, again.units, whole.label, replace(again, aim=tried.aim), CONFIG, SEED)
    np.testing.assert_allclose(found.weights, wanted.weights)
    assert (found.bias, found.threshold) == (pytest.approx(wanted.bias), pytest.approx(wanted.threshold))
    assert len(found.held_out) == len(found.labels) == 700
