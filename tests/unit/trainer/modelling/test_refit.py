"""The chosen setting on all rows: scores by the curve of rows held out, a threshold by all rows, each by its weight."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.sample import Sample
from services.trainer.learning import learner
from services.trainer.learning.platt import fit_platt_curve
from services.trainer.modelling.refit import FittedModel, refit
from services.trainer.modelling.training_data import FoldIndices, trainable_folds
from services.trainer.search.config import TrainingConfig
from services.trainer.search.crossfit import Folds, out_of_fold
from services.trainer.search.threshold import FLAGGED_MAX, fit_threshold
from services.trainer.search.tuning import DEFAULT_SETTING
from tests.unit.trainer import made_parts, naive
from tidewheel.domain.models import Float64, Hyperparameters, sigmoid

CONFIG = TrainingConfig(epochs=6)
QUICK = replace(DEFAULT_SETTING, learning_rate=0.01, mini_batch_size=100, epochs=6)
SEED = 3


def held_out_z_scores(part: Sample, setting: Hyperparameters = QUICK) -> Float64:
    """Of each row by the models that had not seen it."""
    folds = Folds.of(part, trainable_folds(part, 3), CONFIG, SEED)
    assert folds.indices.tolist() == list(range(len(part)))
    (seen,) = out_of_fold(folds, [setting], CONFIG, SEED, [setting.epochs])
    result: Float64 = seen.z_scores[0]
    return result


def own_z_scores(part: Sample, setting: Hyperparameters = QUICK) -> Float64:
    """Of each row by a model of all."""
    prepared = learner.make_training_matrix(part.features, part.label, SEED)
    logits = learner.train(prepared, [setting], SEED, 6).logits(prepared.scaler.transform(part.features))[:, 0]
    result: Float64 = (logits - logits.mean()) / logits.std()
    return result


def finished(
    part: Sample, setting: Hyperparameters = QUICK, config: TrainingConfig = CONFIG, cut: FoldIndices | None = None
) -> FittedModel:
    found = refit(part, trainable_folds(part, 3) if cut is None else cut, setting, config, SEED)
    assert found is not None
    return found


def scores(found: FittedModel, features: np.ndarray) -> np.ndarray:
    """As a predictor gives them."""
    return sigmoid((features.astype(np.float64) - found.scaler.mean) / found.scaler.std @ found.weights + found.bias)


def test_scores_are_the_curve_of_rows_held_out_through_the_models_own_units() -> None:
    part = made_parts.part()
    found = finished(part)
    curve = fit_platt_curve(held_out_z_scores(part), part.label)
    np.testing.assert_allclose(found.scores(part), curve.scores(own_z_scores(part)), atol=1e-5)
    np.testing.assert_allclose(found.scores(part), scores(found, part.features), rtol=1e-12)
    np.testing.assert_allclose(found.scaler.mean, part.features.mean(axis=0, dtype=np.float64))


def test_rows_held_out_are_scored_by_the_curve() -> None:
    part = made_parts.part()
    found, z_scores = finished(part), held_out_z_scores(part)
    np.testing.assert_allclose(found.held_out, fit_platt_curve(z_scores, part.label).scores(z_scores))
    assert found.labels.tolist() == part.label.tolist()


def test_where_nothing_can_be_held_out_the_curve_is_that_of_its_own_scores() -> None:
    part = made_parts.part()
    found, z_scores = finished(part, cut=[]), own_z_scores(part)
    np.testing.assert_allclose(found.scores(part), fit_platt_curve(z_scores, part.label).scores(z_scores), atol=1e-5)
    assert len(found.held_out) == len(found.labels) == 0
    assert found.labels.dtype == part.label.dtype


def test_flagged_is_by_the_threshold_of_all_rows_in_units() -> None:
    part = made_parts.part()
    found, z_scores = finished(part), own_z_scores(part)
    wanted = naive.cut_that_goes_out(
        z_scores.tolist(), part.label.tolist(), part.weight.tolist(), CONFIG.criterion, FLAGGED_MAX
    )
    assert (found.scores(part) >= found.threshold).tolist() == (z_scores >= wanted).tolist()


def test_no_more_than_half_of_all_rows_are_flagged() -> None:
    part = made_parts.part(signal=2.0)
    greedy = replace(CONFIG, criterion=replace(CONFIG.criterion, recall_min=1.0))
    share = (finished(part, config=greedy).scores(part) >= finished(part, config=greedy).threshold).mean()
    assert share == pytest.approx(FLAGGED_MAX, abs=0.002)


def test_scores_say_how_often_fresh_rows_are_right() -> None:
    """A gentle setting's own scores lie close to a half; the curve stretches them."""
    part, fresh = made_parts.part(1, 3000, 2.0), made_parts.part(2, 20_000, 2.0)
    gentle = replace(QUICK, learning_rate=1e-4)
    probabilities = scores(finished(part, gentle), fresh.features)
    assert probabilities.max() > 0.9
    for rows in np.array_split(np.argsort(probabilities), 8):
        assert fresh.label[rows].mean() == pytest.approx(probabilities[rows].mean(), abs=0.06)
    prepared = learner.make_training_matrix(part.features, part.label, SEED)
    bare = learner.train(prepared, [gentle], SEED, 6).logits(prepared.scaler.transform(fresh.features))[:, 0]
    assert sigmoid(bare).max() < 0.6


def test_rows_held_out_that_mislead_turn_no_ranking() -> None:
    """Where the edge turns halfway, models of one half are wrong on the other; scores still rise with the model's own
    logits, slightly."""
    part = made_parts.part(signal=2.0)
    turned = made_parts.changed(part)
    turned.label[:300] = 1 - turned.label[:300]
    halves = [(np.arange(300, 600), np.arange(300)), (np.arange(300), np.arange(300, 600))]
    found, z_scores = finished(turned, cut=halves), own_z_scores(turned)
    assert (np.diff(found.scores(turned)[np.argsort(z_scores)]) > -1e-9).all()
    assert np.ptp(found.scores(turned)) < 0.05


def test_a_model_that_tells_nothing_apart_is_none() -> None:
    part = made_parts.part()
    dead = replace(QUICK, l1=1.0, learning_rate=1.0)
    assert refit(part, trainable_folds(part, 3), dead, CONFIG, SEED) is None
    constant = replace(part, features=np.full_like(part.features, 3.0))
    assert refit(constant, trainable_folds(part, 3), QUICK, CONFIG, SEED) is None


def test_a_model_that_diverges_is_none() -> None:
    part = made_parts.part()
    wild = replace(QUICK, learning_rate=1e38, l1=0.0, wd=1e30)
    with np.errstate(all="ignore"):
        assert refit(part, trainable_folds(part, 3), wild, CONFIG, SEED) is None


def test_a_setting_stopped_early_is_trained_no_longer() -> None:
    part = made_parts.part()
    found = finished(part, replace(QUICK, epochs=2))
    prepared = learner.make_training_matrix(part.features, part.label, SEED)
    (fit,) = learner.train_stages(prepared, [QUICK], SEED, 6, CONFIG.update, CONFIG.loss, [2])
    direction = fit.weights[:, 0] / np.linalg.norm(fit.weights[:, 0])
    np.testing.assert_allclose(found.weights / np.linalg.norm(found.weights), direction, atol=1e-6)
    longer = finished(part).weights
    assert not np.allclose(found.weights / np.linalg.norm(found.weights), longer / np.linalg.norm(longer), atol=1e-3)


def test_uniqueness_weights_reach_the_model() -> None:
    part = made_parts.changed(made_parts.part())
    part.resolved_ns[:300] += 30 * made_parts.SECOND_NS
    plain, weighed = (finished(part, config=replace(CONFIG, uniqueness_weights=on)) for on in (False, True))
    assert (plain.weights != weighed.weights).any()


def test_what_a_row_is_worth_reaches_the_weights_and_the_threshold() -> None:
    """Rows of another market, worth next to nothing, are next to not there."""
    known, other = made_parts.part(1, from_s=600), made_parts.part(2, signal=-2.0)
    both = Sample.concatenated([other, known])
    alone, beside = finished(known).weights, finished(both).weights
    faint = Sample.concatenated([other.with_weight(0.01), known])
    found = finished(faint)
    assert alone[made_parts.TELLING] > 0 > beside[made_parts.TELLING]
    assert found.weights[made_parts.TELLING] > 0
    flagged = found.scores(faint) >= found.threshold
    cut = fit_threshold(found.scores(faint), faint.label, faint.weight, CONFIG.criterion)
    assert flagged.tolist() == (found.scores(faint) >= cut).tolist()
    assert cut != fit_threshold(found.scores(faint), faint.label, np.ones(len(faint)), CONFIG.criterion)
