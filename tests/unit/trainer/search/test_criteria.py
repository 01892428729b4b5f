"""What models are tuned for: each goal by hand and against scikit-learn on counts of rows."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from services.trainer.search.criteria import Counts, Criterion, Goal

# 10 rows, 4 of them positive; 5 flagged, 3 of them rightly.
BY_HAND = Counts(np.array([5]), np.array([3]), np.array(4), np.array(10), np.array([6.5]))
FLAGS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)
RATIOS = {"zero_division": 0.0}
THEIRS: dict[Goal, Callable[[np.ndarray, np.ndarray, float], float]] = {
    Goal.PRECISION_AT_TARGET_RECALL: lambda y, flags, beta: metrics.precision_score(y, flags, **RATIOS),
    Goal.RECALL_AT_TARGET_PRECISION: lambda y, flags, beta: metrics.recall_score(y, flags, **RATIOS),
    Goal.ACCURACY: lambda y, flags, beta: metrics.accuracy_score(y, flags),
    Goal.F_BETA: lambda y, flags, beta: metrics.fbeta_score(y, flags, beta=beta, **RATIOS),
}


def counts_of(y: np.ndarray, flags: np.ndarray, loss: float | None = None) -> Counts:
    return Counts(
        *(np.array([flags.sum()]), np.array([(flags & y).sum()]), np.array(y.sum()), np.array(len(y))),
        None if loss is None else np.array([loss]),
    )


@pytest.mark.parametrize(
    ("goal", "merit"),
    [
        (Goal.PRECISION_AT_TARGET_RECALL, 3 / 5),
        (Goal.RECALL_AT_TARGET_PRECISION, 3 / 4),
        (Goal.ACCURACY, 7 / 10),  # 3 flagged rightly, 4 left alone rightly
        (Goal.F_BETA, 5 * 3 / (4 * 4 + 5)),
        (Goal.CROSS_ENTROPY_LOSS, -0.65),
    ],
)
def test_by_hand(goal: Goal, merit: float) -> None:
    assert Criterion(goal, beta=2.0).merit(BY_HAND).tolist() == [pytest.approx(merit)]


@given(FLAGS, st.sampled_from([0.25, 0.5, 1.0, 2.0, 10.0]))
def test_merits_are_scikit_learns(rows: list[tuple[bool, bool]], beta: float) -> None:
    y, flags = np.array(rows).T
    counts = counts_of(y, flags)
    for goal, theirs in THEIRS.items():
        found = Criterion(goal, beta=beta).merit(counts)
        assert found.tolist() == [pytest.approx(theirs(y, flags, beta), abs=1e-12)]


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_is_scikit_learns(seed: int) -> None:
    chance = np.random.default_rng(seed)
    y, scores = chance.random(50) < 0.3, chance.random(50)
    total = metrics.log_loss(y, scores, labels=[False, True], normalize=False)
    found = Criterion(Goal.CROSS_ENTROPY_LOSS).merit(counts_of(y, scores > 0.5, total))
    assert found.tolist() == [pytest.approx(-metrics.log_loss(y, scores, labels=[False, True]))]


def test_many_counts_at_once_are_each_of_them() -> None:
    chance = np.random.default_rng(1)
    y, flags = chance.random((3, 4, 30)) < 0.4, chance.random((3, 4, 30)) < 0.5
    counts = Counts(flags.sum(axis=2), (flags & y).sum(axis=2), y.sum(axis=2), np.array(30))
    for goal, theirs in THEIRS.items():
        found = Criterion(goal).merit(counts)
        expected = [[theirs(y[a, b], flags[a, b], 1.0) for b in range(4)] for a in range(3)]
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("goal", Goal)
def test_nothing_flagged(goal: Goal) -> None:
    counts = Counts(np.array([0]), np.array([0]), np.array(4), np.array(10), np.array([7.0]))
    expected = {Goal.ACCURACY: 0.6, Goal.CROSS_ENTROPY_LOSS: -0.7}.get(goal, 0.0)
    assert Criterion(goal).merit(counts).tolist() == [pytest.approx(expected)]
    met = goal not in (Goal.PRECISION_AT_TARGET_RECALL, Goal.RECALL_AT_TARGET_PRECISION)
    assert Criterion(goal).met(counts).tolist() == [met]


@pytest.mark.parametrize("goal", Goal)
def test_no_positives(goal: Goal) -> None:
    """Nothing to find: no threshold meets a goal, and no merit is not a number."""
    counts = Counts(np.array([0, 2]), np.array([0, 0]), np.array(0), np.array(10), np.array([1.0, 1.0]))
    expected = {Goal.ACCURACY: [1.0, 0.8], Goal.CROSS_ENTROPY_LOSS: [-0.1, -0.1]}.get(goal, [0.0, 0.0])
    assert Criterion(goal).merit(counts).tolist() == pytest.approx(expected)
    assert Criterion(goal).met(counts).tolist() == [False, False]


def test_no_rows_at_all() -> None:
    nothing = Counts(*(np.array([0]),) * 4, np.array([0.0]))
    assert [Criterion(goal).merit(nothing).tolist() for goal in Goal] == [[0.0]] * len(Goal)


def test_a_floor_just_reached_is_kept() -> None:
    """8 positives, 2 to 4 flagged: a quarter of the positives, and half of the flagged, are enough."""
    counts = Counts(np.array([3, 4, 4, 2]), np.array([1, 2, 1, 2]), np.array(8), np.array(20))
    assert Criterion(recall_min=0.25).met(counts).tolist() == [False, True, False, True]
    precise = Criterion(Goal.RECALL_AT_TARGET_PRECISION, precision_min=0.5)
    assert precise.met(counts).tolist() == [False, True, False, True]


@pytest.mark.parametrize("goal", [Goal.ACCURACY, Goal.F_BETA, Goal.CROSS_ENTROPY_LOSS])
def test_goals_without_a_floor_are_met_by_any_counts(goal: Goal) -> None:
    counts = Counts(np.array([0, 5]), np.array([0, 1]), np.array(3), np.array(9))
    assert Criterion(goal, recall_min=1.0, precision_min=1.0).met(counts).tolist() == [True, True]


def test_thresholds_are_fitted_by_the_goal_itself_but_for_a_loss() -> None:
    for goal in Goal:
        criterion = Criterion(goal, recall_min=0.4, precision_min=0.7, beta=3.0)
        fitting = criterion.for_thresholds
        if goal is Goal.CROSS_ENTROPY_LOSS:
            assert (fitting.goal, fitting.recall_min) == (Goal.PRECISION_AT_TARGET_RECALL, 0.4)
        else:
            assert fitting == criterion


def test_counts_are_changed_alike() -> None:
    doubled = BY_HAND.map(lambda numbers: 2 * numbers)
    assert (doubled.flagged.tolist(), doubled.hits.tolist(), doubled.loss) == ([10], [6], np.array([13.0]))
    assert (int(doubled.positives), int(doubled.rows)) == (8, 20)
    assert replace(BY_HAND, loss=None).map(np.sum).loss is None
