"""The curve from z-scores to probabilities: the optimum it seeks, and that its scores mean what they say."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from services.trainer.learning.platt import SLOPE_MIN, PlattCurve, fit_platt_curve
from tidewheel.domain.models import sigmoid


def drawn(seed: int, rows: int, offset: float, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Z-scores, and labels that a curve of this offset and slope speaks the truth of."""
    chance = np.random.default_rng(seed)
    z_scores = chance.standard_normal(rows)
    return z_scores, (chance.random(rows) < sigmoid(offset + slope * z_scores)).astype(np.uint8)


def targets(labels: np.ndarray) -> np.ndarray:
    """Platt's: as if each class had shown one more row of either kind."""
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    return np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def loss(at: np.ndarray, z_scores: np.ndarray, labels: np.ndarray) -> float:
    """What the curve is to make least."""
    logits = at[0] + at[1] * z_scores
    return float(np.sum(np.logaddexp(0.0, logits) - targets(labels) * logits))


@pytest.mark.parametrize(("offset", "slope"), [(0.0, 1.0), (-2.0, 0.5), (1.0, 3.0), (0.3, 0.1)])
def test_reaches_scikit_learns_optimum(offset: float, slope: float) -> None:
    """Of plain logistic regression, which is shown each row as both classes, weighted by its target."""
    z_scores, labels = drawn(1, 500, offset, slope)
    wanted, twice = targets(labels), np.concatenate((z_scores, z_scores))[:, np.newaxis]
    solver = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    solver.fit(twice, np.repeat([1, 0], 500), sample_weight=np.concatenate((wanted, 1 - wanted)))
    curve = fit_platt_curve(z_scores, labels)
    assert (curve.offset, curve.slope) == (
        pytest.approx(solver.intercept_[0], abs=1e-5),
        pytest.approx(solver.coef_[0, 0], abs=1e-5),
    )


def least(z_scores: np.ndarray, labels: np.ndarray, slope_max: float = np.inf) -> float:
    """The least loss of curves that rise by SLOPE_MIN at least and `slope_max` at most."""
    spread = max(1.0, float(np.abs(z_scores).max()))

    def of(at: np.ndarray) -> float:
        return loss(np.array([at[0], min(SLOPE_MIN + abs(at[1]) / spread, slope_max)]), z_scores, labels)

    found = minimize(of, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-7, "maxiter": 2000})
    return float(found.fun)


# They are standard deviations of a model's logits: nearer to one another than a thousandth is the same.
Z_SCORES = (st.floats(-5, 5) | st.floats(-1e3, 1e3)).map(lambda z_scores: round(z_scores, 3))


@settings(max_examples=40)
@given(st.lists(st.tuples(Z_SCORES, st.integers(0, 1)), min_size=2, max_size=60))
def test_no_curve_is_likelier(rows: list[tuple[float, int]]) -> None:
    """Whatever the z-scores: outliers, two heaps, all the same. Where the likeliest falls, it is the flat one."""
    z_scores, labels = np.array([u for u, _ in rows]), np.array([y for _, y in rows], dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve = fit_platt_curve(z_scores, labels)
    if curve.slope > SLOPE_MIN:
        assert loss(np.array([curve.offset, curve.slope]), z_scores, labels) <= least(z_scores, labels) + 1e-4
    else:
        rate = (labels.sum() + 1) / (len(labels) + 2)
        assert curve == PlattCurve(pytest.approx(np.log(rate / (1 - rate))), SLOPE_MIN)
        # The loss is convex: where no rising curve is likelier than the flat one, the likeliest of all does not rise.
        assert least(z_scores, labels) >= least(z_scores, labels, SLOPE_MIN) - 1e-4


def test_units_that_are_no_better_higher_leave_it_all_but_flat() -> None:
    z_scores, labels = drawn(2, 1000, -0.5, -2.0)
    curve = fit_platt_curve(z_scores, labels)
    assert curve.slope == SLOPE_MIN
    assert curve.scores(np.zeros(1))[0] == pytest.approx(labels.mean(), abs=0.001)
    rising = curve.scores(np.sort(z_scores))
    assert (np.diff(rising) > 0).all()


@pytest.mark.parametrize("slope", [0.2, 1.0, 4.0])
def test_scores_of_fresh_draws_mean_what_they_say(slope: float) -> None:
    """Too sure, right and not sure enough, if z-scores were taken for logits."""
    curve = fit_platt_curve(*drawn(3, 5_000, -0.4, slope))
    z_scores, labels = drawn(4, 50_000, -0.4, slope)
    scores = curve.scores(z_scores)
    for part in np.array_split(np.argsort(scores), 10):
        assert labels[part].mean() == pytest.approx(scores[part].mean(), abs=0.03)
    if slope != 1.0:
        naive = sigmoid(z_scores)
        ends = np.argsort(naive)[:5000], np.argsort(naive)[-5000:]
        assert max(abs(labels[part].mean() - naive[part].mean()) for part in ends) > 0.05


@pytest.mark.parametrize("rows", [2, 20, 1000])
def test_classes_that_units_part_do_not_diverge(rows: int) -> None:
    z_scores = np.linspace(-1, 1, rows)
    labels = (z_scores > 0).astype(np.uint8)
    curve = fit_platt_curve(z_scores, labels)
    scores = curve.scores(z_scores)
    assert np.isfinite([curve.offset, curve.slope]).all()
    assert 0 < scores.min() < 0.5 < scores.max() < 1
    assert loss(np.array([curve.offset, curve.slope]), z_scores, labels) <= loss(np.array([0, 1e3]), z_scores, labels)


def test_a_far_outlier_leads_no_step_astray() -> None:
    """Whole steps of Newton's would end at a slope of ten thousand millions."""
    z_scores = np.array([70.7, -0.8, -0.5, -1.0, -0.7, 0.3, 0.1, 1.0, -0.9, -0.6, -1.4, -1.3, 0.4, -0.7])
    labels = (z_scores > 70).astype(np.uint8)
    curve = fit_platt_curve(z_scores, labels)
    assert loss(np.array([curve.offset, curve.slope]), z_scores, labels) <= least(z_scores, labels) + 1e-6


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_flat_and_finite(label: int) -> None:
    curve = fit_platt_curve(np.linspace(-1, 1, 8), np.full(8, label, dtype=np.uint8))
    assert curve.slope == SLOPE_MIN
    assert curve.scores(np.zeros(1))[0] == pytest.approx(0.9 if label else 0.1)


def test_units_all_the_same_are_the_base_rate() -> None:
    curve = fit_platt_curve(np.zeros(10), np.array([1, 0] * 2 + [0] * 6, dtype=np.uint8))
    assert curve.scores(np.zeros(1))[0] == pytest.approx(3 / 12)


def test_logits_are_those_of_the_scores() -> None:
    curve, z_scores = PlattCurve(-0.5, 2.0), np.array([-1.0, 0.0, 0.25, 3.0])
    assert curve.logits(z_scores).tolist() == [-2.5, -0.5, 0.0, 5.5]
    assert curve.scores(z_scores) == pytest.approx(1 / (1 + np.exp([2.5, 0.5, 0.0, -5.5])))
