"""Scores out of fold: no row is scored by a model that knew it, and z-scores compare from model to model."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.sample import Sample
from services.trainer.dataset.split import average_uniqueness
from services.trainer.dataset.split import purged_folds as cut_of
from services.trainer.learning import learner
from services.trainer.modelling.training_data import trainable_folds
from services.trainer.search.config import TrainingConfig
from services.trainer.search.crossfit import (
    DEVIATION_MIN,
    Folds,
    LogitScale,
    OutOfFoldScores,
    out_of_fold,
    weighted_training_matrix,
)
from services.trainer.search.tuning import DEFAULT_SETTING
from tests.unit.trainer import made_parts
from tidewheel.domain.models import Hyperparameters

CONFIG = TrainingConfig(epochs=6)
QUICK = replace(DEFAULT_SETTING, learning_rate=0.03, mini_batch_size=100)
OTHER = replace(QUICK, positive_example_weight_mult=3.0, wd=0.01)
DEAD = replace(QUICK, l1=1.0, learning_rate=1.0)
SEED = 3


def scored(
    rows: Sample,
    settings: tuple[Hyperparameters, ...] = (QUICK, OTHER),
    config: TrainingConfig = CONFIG,
    stages: tuple[int, ...] = (6,),
) -> tuple[Folds, list[OutOfFoldScores]]:
    folds = Folds.of(rows, cut_of(rows, np.arange(len(rows)), 3), config, SEED)
    return folds, out_of_fold(folds, settings, config, SEED, stages)


def test_folds_hold_every_row_out_once() -> None:
    rows = made_parts.part(count=601)
    folds, _ = scored(rows)
    assert folds.indices.tolist() == list(range(601))
    assert folds.fold_of.tolist() == [0] * 201 + [1] * 200 + [2] * 200
    for fold in folds.folds:
        np.testing.assert_array_equal(fold.held_out, fold.matrix.scaler.transform(rows.features[fold.indices]))


def test_rows_of_folds_left_out_are_in_none() -> None:
    """Both classes until row 120 only: the first fold has nothing to train on, so its rows have no score."""
    rows = made_parts.part(count=300, life_s=30)
    rows = replace(rows, label=np.where(np.arange(300) < 120, np.arange(300) % 2, 0).astype(np.uint8))
    folds = Folds.of(rows, trainable_folds(rows, 3), CONFIG, SEED)
    assert folds.indices.tolist() == list(range(100, 300))
    assert folds.fold_of.tolist() == [0] * 100 + [1] * 100
    assert out_of_fold(folds, [QUICK], CONFIG, SEED, [6])[0].z_scores.shape == (1, 200)


def test_labels_of_rows_do_not_touch_their_own_scores() -> None:
    rows = made_parts.part()
    _, (before,) = scored(rows)
    for fold in range(3):
        own = slice(200 * fold, 200 * fold + 200)
        other = made_parts.changed(rows)
        other.label[own] = 1 - other.label[own]
        _, (after,) = scored(other)
        same = (after.z_scores == before.z_scores).all(axis=0)
        assert same[own].all()
        assert not np.delete(same, np.arange(600)[own]).any()


def test_features_of_a_row_change_its_own_score_and_the_models_of_other_folds() -> None:
    rows = made_parts.part()
    _, (before,) = scored(rows)
    other = made_parts.changed(rows)
    other.features[250] += 3.0
    _, (after,) = scored(other)
    same = (after.z_scores == before.z_scores).all(axis=0)
    assert not same[250]
    assert same[200:250].all()
    assert same[251:400].all()
    assert not same[:200].any()
    assert not same[400:].any()


def test_a_purged_row_is_known_to_no_model_that_scores_its_future() -> None:
    """Row 198 lives until 203: the fold from 200 on must not have learnt from it."""
    rows = made_parts.part(life_s=5)
    _, (before,) = scored(rows)
    other = made_parts.changed(rows)
    other.label[198] = 1 - other.label[198]
    _, (after,) = scored(other)
    same = (after.z_scores == before.z_scores).all(axis=0)
    assert same[:400].all()
    assert not same[400:].any()


def test_units_against_a_plain_loop() -> None:
    """A logit minus the mean over a sample of training rows, in their standard deviations."""
    rows = made_parts.part()
    _, (found,) = scored(rows)
    for training, held_out in cut_of(rows, np.arange(600), 3):
        matrix = learner.make_training_matrix(rows.features[training], rows.label[training], SEED)
        for k, setting in enumerate((QUICK, OTHER)):
            fit = learner.train(matrix, [setting], SEED, 6)
            known = fit.logits(matrix.features)[: len(training) // 3 + 1, 0]
            logits = fit.logits(matrix.scaler.transform(rows.features[held_out]))[:, 0]
            np.testing.assert_allclose(found.z_scores[k, held_out], (logits - known.mean()) / known.std(), atol=1e-5)
    assert found.nonconstant.all()


def test_units_of_the_rows_a_model_knows_have_mean_0_and_spread_1() -> None:
    logits = np.random.default_rng(1).normal([3.0, -80.0], [0.002, 40.0], (500, 2))
    scale = LogitScale.of(logits)
    z_scores = scale.z_scores(logits)
    assert z_scores.shape == (2, 500)
    np.testing.assert_allclose(z_scores.mean(axis=1), 0.0, atol=1e-9)
    np.testing.assert_allclose(z_scores.std(axis=1), 1.0, rtol=1e-9)
    assert scale.nonconstant.all()


def test_logits_all_the_same_are_of_a_model_that_tells_nothing_apart() -> None:
    logits = np.stack((np.full(9, 4.0), np.arange(9.0), 4.0 + DEVIATION_MIN / 4 * (-1.0) ** np.arange(9)), axis=1)
    scale = LogitScale.of(logits)
    assert scale.nonconstant.tolist() == [False, True, False]
    assert scale.z_scores(logits)[[0, 2]].tolist() == [[0.0] * 9] * 2


def test_dead_models_are_not_alive() -> None:
    rows = made_parts.part()
    _, (found,) = scored(rows, (QUICK, DEAD))
    assert found.nonconstant.tolist() == [True, False]
    assert (found.z_scores[1] == 0).all()
    _, (found,) = scored(replace(rows, features=np.full_like(rows.features, 3.0)))
    assert found.nonconstant.tolist() == [False, False]


@pytest.mark.parametrize("fold", range(3))
def test_dead_in_one_fold_is_dead(fold: int) -> None:
    """Features that move in that fold alone: its own model knows none that do."""
    rows = made_parts.changed(made_parts.part())
    rows.features[np.arange(600) // 200 != fold] = 0.5
    _, (found,) = scored(rows)
    assert found.nonconstant.tolist() == [False, False]
    own = np.arange(600) // 200 == fold
    assert (found.z_scores[:, own] == 0).all()
    assert found.z_scores.any()


def test_diverged_is_dead_and_counts_as_0() -> None:
    rows = made_parts.part()
    with np.errstate(all="ignore"):
        _, (found,) = scored(rows, (replace(QUICK, learning_rate=1e38, l1=0.0, wd=1e30), QUICK))
    assert found.nonconstant.tolist() == [False, True]
    assert (found.z_scores[0] == 0).all()


def test_stages_are_those_of_one_training() -> None:
    rows = made_parts.part()
    _, stages = scored(rows, stages=(2, 4, 6))
    for epochs, stage in zip((2, 4, 6), stages, strict=True):
        _, (alone,) = scored(rows, stages=(epochs,))
        assert stage.z_scores.tobytes() == alone.z_scores.tobytes()
    assert len({stage.z_scores.tobytes() for stage in stages}) == 3


def test_a_setting_is_scored_alike_beside_others() -> None:
    rows = made_parts.part()
    _, (both,) = scored(rows, (QUICK, OTHER))
    _, (alone,) = scored(rows, (OTHER,))
    np.testing.assert_allclose(
        both.z_scores[1], alone.z_scores[0], atol=1e-5
    )  # float32 sums of products of another width
    taken = both.take(np.array([1]))
    assert taken.z_scores.tobytes() == both.z_scores[1].tobytes()
    assert taken.nonconstant.tolist() == [True]


def alike(weight: np.ndarray | None) -> bool:
    """Whether rows are all worth the same."""
    return weight is None or bool((weight == 1.0).all())


def test_rows_weigh_by_the_uniqueness_of_their_labels_where_so_configured() -> None:
    rows = made_parts.changed(made_parts.part(count=300))
    rows.resolved_ns[:100] += 60 * made_parts.SECOND_NS  # the first hundred overlap far more
    assert alike(weighted_training_matrix(rows, CONFIG, SEED).weight)
    config = replace(CONFIG, uniqueness_weights=True)
    weight = weighted_training_matrix(rows, config, SEED).weight
    assert weight is not None
    order = np.random.default_rng(SEED).permutation(300)
    share = average_uniqueness(rows.placed_ns, rows.resolved_ns)
    np.testing.assert_allclose(weight, (share / share.mean())[order], rtol=1e-5)
    assert weight[order < 100].mean() < weight[order >= 200].mean() / 2


def test_rows_weigh_by_what_their_window_is_worth() -> None:
    rows = made_parts.part(count=300)
    worth = np.where(np.arange(300) < 100, 0.25, 1.0)
    weight = weighted_training_matrix(replace(rows, weight=worth), CONFIG, SEED).weight
    assert weight is not None
    order = np.random.default_rng(SEED).permutation(300)
    np.testing.assert_allclose(weight, (worth / worth.mean())[order], rtol=1e-6)
    assert alike(weighted_training_matrix(rows.with_weight(0.25), CONFIG, SEED).weight)
    unique = replace(CONFIG, uniqueness_weights=True)
    both = weighted_training_matrix(replace(rows, weight=worth), unique, SEED).weight
    assert both is not None
    share = worth * average_uniqueness(rows.placed_ns, rows.resolved_ns)
    np.testing.assert_allclose(both, (share / share.mean())[order], rtol=1e-5)


def test_a_fold_weighs_its_training_rows_among_themselves() -> None:
    rows = made_parts.part(count=300, life_s=20)
    plain, (before,) = scored(rows)
    weighed, (after,) = scored(rows, config=replace(CONFIG, uniqueness_weights=True))
    assert all(alike(fold.matrix.weight) for fold in plain.folds)
    assert (before.z_scores != after.z_scores).any()
    for fold, (training, _) in zip(weighed.folds, cut_of(rows, np.arange(300), 3), strict=True):
        share = average_uniqueness(rows.placed_ns[training], rows.resolved_ns[training])
        assert fold.matrix.weight is not None
        np.testing.assert_allclose(np.sort(fold.matrix.weight), np.sort(share / share.mean()), rtol=1e-5)
