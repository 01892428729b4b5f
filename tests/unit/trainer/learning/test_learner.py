"""The learner: the optimum it seeks, true zeros, and settings that would blow up elsewhere."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.svm import LinearSVC

from services.trainer.learning import learner
from services.trainer.learning.learner import Loss, OptimizerKind, TrainingMatrix
from services.trainer.search import tuning
from tidewheel.domain.models import Hyperparameters, sigmoid

# What has not arrived at its optimum is no judge.
pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")

PLAIN = Hyperparameters(True, 0.0, 0.3, 1.0, 0.0, 100_000)
UPDATES = list(OptimizerKind)


def problem(seed: int = 0, rows: int = 400, features: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features of different sizes, two of them without meaning."""
    chance = np.random.default_rng(seed)
    x = (chance.standard_normal((rows, features)) @ chance.standard_normal((features, features))).astype(np.float32)
    x *= np.geomspace(0.01, 100, features).astype(np.float32)
    z = x[:, :-2] / x[:, :-2].std(axis=0) @ chance.standard_normal(features - 2) - 0.5
    return x, (chance.random(rows) < sigmoid(z.astype(np.float64))).astype(np.uint8)


def row_weights(prepared: TrainingMatrix, setting: Hyperparameters) -> np.ndarray:
    """What each row weighs in the objective."""
    worth = 1.0 if prepared.weight is None else prepared.weight.astype(np.float64)
    return worth * np.where(prepared.label == 1, setting.positive_example_weight_mult, 1.0)


def objective(
    prepared: TrainingMatrix, setting: Hyperparameters, weights: np.ndarray, bias: float, loss: Loss
) -> float:
    """The objective as the learner's docstring states it."""
    margin = np.where(prepared.label == 1, 1, -1) * (prepared.features.astype(np.float64) @ weights + bias)
    cost = np.logaddexp(0.0, -margin) if loss is Loss.LOGISTIC else np.maximum(0.0, 1 - margin)
    penalties = setting.l1 * np.abs(weights).sum() + setting.wd / 2 * (weights**2).sum()
    return float(np.average(cost, weights=row_weights(prepared, setting)) + penalties)


def optimum(prepared: TrainingMatrix, setting: Hyperparameters) -> tuple[np.ndarray, float]:
    """scikit-learn's on the same objective, logistic."""
    weight = row_weights(prepared, setting)
    strength = setting.l1 + setting.wd
    solver = LogisticRegression(
        C=1 / (strength * weight.sum()),
        l1_ratio=setting.l1 / strength,
        solver="saga" if setting.l1 else "lbfgs",
        fit_intercept=setting.use_bias,
        tol=1e-8,
        max_iter=20_000,
        random_state=1,  # saga draws rows, and with some seeds does not arrive
    )
    solver.fit(prepared.features.astype(np.float64), prepared.label, sample_weight=weight)
    intercept = float(solver.intercept_[0]) if setting.use_bias else 0.0
    return solver.coef_[0], intercept


@pytest.mark.parametrize("worth", [None, "uneven"])
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize(
    "setting",
    [
        replace(PLAIN, wd=0.03),
        replace(PLAIN, l1=0.02),
        replace(PLAIN, l1=0.01, wd=0.02, positive_example_weight_mult=5.0),
        replace(PLAIN, wd=0.05, positive_example_weight_mult=0.1),
        replace(PLAIN, wd=0.03, use_bias=False),
    ],
    ids=["wd", "l1", "both, weighted up", "weighted down", "no bias"],
)
def test_reaches_scikit_learns_optimum(setting: Hyperparameters, update: OptimizerKind, worth: str | None) -> None:
    x, y = problem()
    prepared = learner.make_training_matrix(x, y, 1, uneven(len(y)) if worth else None)
    rate = 0.3 if update is OptimizerKind.SGD else 0.05
    fits = learner.train(prepared, [replace(setting, learning_rate=rate)], 1, 3000, update)
    weights, bias = optimum(prepared, setting)
    best = objective(prepared, setting, weights, bias, Loss.LOGISTIC)
    assert reached(prepared, setting, fits, Loss.LOGISTIC) == pytest.approx(best, rel=2e-4)
    np.testing.assert_allclose(fits.weights[:, 0], weights, atol=0.02)


def reached(prepared: TrainingMatrix, setting: Hyperparameters, fits: learner.LinearModels, loss: Loss) -> float:
    return objective(prepared, setting, fits.weights[:, 0].astype(np.float64), float(fits.bias[0]), loss)


def uneven(count: int) -> np.ndarray:
    """Row weights that differ by up to a thousand times, and some zeros."""
    chance = np.random.default_rng(5)
    return np.exp(chance.uniform(0, np.log(1000), count)) * (chance.random(count) < 0.9)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("positive_weight", [1.0, 4.0])
def test_hinge_reaches_scikit_learns_optimum(positive_weight: float, update: OptimizerKind) -> None:
    """Of a support vector machine; without a bias, which liblinear would penalise."""
    x, y = problem()
    prepared = learner.make_training_matrix(x, y, 1, uneven(len(y)))
    setting = replace(PLAIN, wd=0.03, use_bias=False, positive_example_weight_mult=positive_weight)
    weight = row_weights(prepared, setting)
    solver = LinearSVC(
        loss="hinge", C=1 / (setting.wd * weight.sum()), fit_intercept=False, tol=1e-8, max_iter=10**6, random_state=1
    )
    solver.fit(prepared.features.astype(np.float64), prepared.label, sample_weight=weight)
    best = objective(prepared, setting, solver.coef_[0], 0.0, Loss.HINGE)
    rate = 0.3 if update is OptimizerKind.SGD else 0.03
    fits = learner.train(prepared, [replace(setting, learning_rate=rate)], 1, 4000, update, Loss.HINGE)
    assert reached(prepared, setting, fits, Loss.HINGE) == pytest.approx(best, rel=1e-3)


def test_hinge_with_bias_and_l1_reaches_scikit_learns_optimum() -> None:
    """Of SGDClassifier, whose bias is free too; its averaged rest point is no more exact than ours."""
    prepared = learner.make_training_matrix(*problem(), seed=1)
    setting = replace(PLAIN, l1=0.01, wd=0.02)
    strength = setting.l1 + setting.wd
    solver = SGDClassifier(
        "hinge",
        penalty="elasticnet",
        alpha=strength,
        l1_ratio=setting.l1 / strength,
        max_iter=4000,
        tol=None,
        random_state=1,
    )
    solver.fit(prepared.features.astype(np.float64), prepared.label)
    best = objective(prepared, setting, solver.coef_[0], float(solver.intercept_[0]), Loss.HINGE)
    fits = learner.train(prepared, [setting], 1, 4000, OptimizerKind.SGD, Loss.HINGE)
    assert reached(prepared, setting, fits, Loss.HINGE) == pytest.approx(best, rel=2e-3)


@pytest.mark.parametrize("update", UPDATES)
def test_l1_makes_true_zeros(update: OptimizerKind) -> None:
    prepared = learner.make_training_matrix(*problem(), seed=1)
    settings = [replace(PLAIN, l1=l1, learning_rate=0.05) for l1 in (0.0, 0.03, 0.1, 1.0)]
    zeros = (learner.train(prepared, settings, 1, 500, update).weights == 0).sum(axis=0).tolist()
    assert zeros == sorted(zeros)
    assert zeros[0] == 0
    assert 0 < zeros[2] < 8
    assert zeros[3] == 8


def test_normalisation_is_of_training_rows_and_constant_columns_divide_by_one() -> None:
    x, y = problem()
    x[:, 3] = 0.1
    prepared = learner.make_training_matrix(x, y, seed=1)
    assert prepared.scaler.std[3] == 1.0
    np.testing.assert_allclose(prepared.features.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.delete(prepared.features.std(axis=0), 3), 1.0, atol=1e-4)
    fits = learner.train(prepared, [PLAIN], 1, 15)
    later = x[:5].copy()
    later[:, 3] = 1e30
    assert np.isfinite(fits.logits(prepared.scaler.transform(later))).all()


def test_without_a_bias_the_bias_is_zero() -> None:
    prepared = learner.make_training_matrix(*problem(), seed=1)
    fits = learner.train(prepared, [PLAIN, replace(PLAIN, use_bias=False)], 1, 15)
    assert fits.bias[0] != 0.0
    assert fits.bias[1] == 0.0


def test_the_bias_is_not_decayed() -> None:
    x, y = problem()
    prepared = learner.make_training_matrix(x, (y | (np.arange(len(y)) % 3 > 0)).astype(np.uint8), seed=1)
    fits = learner.train(prepared, [replace(PLAIN, wd=1.0, learning_rate=0.1)], 1, 2000)
    # Decay holds the weights near zero; the bias alone carries the base rate.
    assert sigmoid(np.array([float(fits.bias[0])]))[0] == pytest.approx(prepared.label.mean(), abs=0.05)


@pytest.mark.parametrize("update", UPDATES)
def test_the_ends_of_every_range_do_no_harm(update: OptimizerKind) -> None:
    chance = np.random.default_rng(2)
    x = np.cumsum(chance.standard_normal((900, 605)), axis=1).astype(np.float32)
    x[:, 7] = 5.0
    x[3, 8] = 3e38
    y = (chance.random(900) < 0.02).astype(np.uint8)
    settings = [
        Hyperparameters(bias, l1, rate, weight, wd, batch)
        for bias in (True, False)
        for l1 in tuning.L1
        for rate in tuning.LEARNING_RATE
        for weight in tuning.POSITIVE_WEIGHT
        for wd in tuning.WD
        for batch in tuning.MINI_BATCH
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared = learner.make_training_matrix(x, y, seed=1)
        fits = learner.train(prepared, settings, 1, 15, update)
        logits = fits.logits(prepared.scaler.transform(x))
    assert fits.finite.all()
    assert np.isfinite(logits).all()


def test_a_setting_that_diverged_says_so() -> None:
    weights, bias = np.ones((2, 3), dtype=np.float32), np.zeros(3, dtype=np.float32)
    weights[0, 1], bias[2] = np.nan, np.inf
    fits = learner.LinearModels(weights, bias)
    assert fits.finite.tolist() == [True, False, False]
    assert fits.logits(np.ones((4, 2), dtype=np.float32)).tolist() == [[2.0, 0.0, 0.0]] * 4


def test_fewer_rows_than_a_mini_batch_are_one_batch() -> None:
    x, y = problem(rows=50)
    prepared = learner.make_training_matrix(x, y, seed=1)
    fits = learner.train(prepared, [replace(PLAIN, mini_batch_size=100), PLAIN], 1, 15)
    np.testing.assert_array_equal(fits.weights[:, 0], fits.weights[:, 1])


def test_the_seed_shuffles() -> None:
    prepared = learner.make_training_matrix(*problem(), seed=1)
    setting = replace(PLAIN, mini_batch_size=100)
    one, again, other = (learner.train(prepared, [setting], seed, 2).weights for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes()
    assert one.tobytes() != other.tobytes()
    order = learner.make_training_matrix(*problem(), seed=2).label
    assert order.tolist() != prepared.label.tolist()


def test_a_row_of_twice_the_worth_is_a_row_twice() -> None:
    x, y = problem(rows=300)
    twice = np.arange(300) % 3 == 0
    weighted = learner.make_training_matrix(x, y, 1, 1.0 + twice)
    assert weighted.weight is not None
    assert weighted.weight.mean() == pytest.approx(1.0)
    scaled = weighted.features[np.argsort(np.random.default_rng(1).permutation(300))]
    repeated = TrainingMatrix(*(np.concatenate((a, a[twice])) for a in (scaled, y.astype(np.float32))), weighted.scaler)
    one, other = (learner.train(rows, [replace(PLAIN, wd=0.1)], 1, 300) for rows in (weighted, repeated))
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)
    np.testing.assert_allclose(one.bias, other.bias, atol=1e-5)


def test_rows_of_equal_worth_change_no_bit() -> None:
    x, y = problem()
    one, other = (
        learner.train(learner.make_training_matrix(x, y, 1, w), [PLAIN], 1, 15) for w in (None, np.full(len(y), 0.3))
    )
    assert one.weights.tobytes() == other.weights.tobytes()


@pytest.mark.parametrize("wanted", [(), (0, 3), (1, 16)])
def test_stages_beyond_the_schedule_are_refused(wanted: tuple[int, ...]) -> None:
    prepared = learner.make_training_matrix(*problem(rows=50), seed=1)
    with pytest.raises(ValueError, match="from 1 to 15"):
        learner.train_stages(prepared, [PLAIN], 1, 15, OptimizerKind.SGD, Loss.LOGISTIC, wanted)


@pytest.mark.parametrize("update", UPDATES)
def test_stages_are_not_touched_by_what_is_trained_after_them(update: OptimizerKind) -> None:
    prepared = learner.make_training_matrix(*problem(), seed=1)
    settings = [replace(PLAIN, mini_batch_size=size) for size in (100, 200, 100)]

    def stages(after: tuple[int, ...]) -> list[bytes]:
        fits = learner.train_stages(prepared, settings, 1, 15, update, Loss.LOGISTIC, after)
        return [stage.weights.tobytes() + stage.bias.tobytes() for stage in fits]

    every = stages(tuple(range(1, 16)))
    assert len(set(every)) == 15
    assert stages((4,)) == [every[3]]
    assert stages((15, 4, 4)) == [every[14], every[3], every[3]]
    last = learner.train(prepared, settings, 1, 15, update)
    assert every[-1] == last.weights.tobytes() + last.bias.tobytes()
