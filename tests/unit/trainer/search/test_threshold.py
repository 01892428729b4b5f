"""Thresholds against brute force, and who may judge them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trainer.search.criteria import Criterion, Goal
from services.trainer.search.threshold import FLAGGED_MAX, MARGINS, Ranking, fit_threshold, with_margin
from tests.unit.trainer import naive

FITTED = [goal for goal in Goal if goal is not Goal.CROSS_ENTROPY_LOSS]
# Few scores, so that rows share them often, two of them neighbours. Floors that a binary fraction holds exactly.
SCORE = st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.5000001, 0.9])
FLOOR = st.sampled_from([0.125, 0.25, 0.5, 0.75, 1.0])
CRITERIA = st.builds(Criterion, st.sampled_from(FITTED), FLOOR, FLOOR, st.sampled_from([0.5, 1.0, 2.0]))
WEIGHED = st.lists(st.tuples(SCORE, st.integers(0, 1), st.sampled_from([0.25, 0.5, 1.0])), min_size=1, max_size=30)
SCORED = st.lists(st.tuples(SCORE, st.integers(0, 1)), min_size=1, max_size=30)
IN_FOLDS = st.lists(st.tuples(SCORE, SCORE, st.integers(0, 1), st.integers(0, 2)), min_size=2, max_size=30)
PRECISION = Criterion(recall_min=0.25)


def plainly(scores: np.ndarray, labels: np.ndarray, criterion: Criterion) -> float:
    """The threshold of one model's scores, however many it flags."""
    return float(Ranking.of(scores[np.newaxis], labels).threshold(criterion)[0])


def labeled(*labels: int) -> np.ndarray:
    return np.array(labels, dtype=np.uint8)


@settings(max_examples=150)
@given(SCORED, CRITERIA)
def test_against_brute_force(scored: list[tuple[float, int]], criterion: Criterion) -> None:
    scores, labels = np.array([s for s, _ in scored]), labeled(*(y for _, y in scored))
    found = plainly(scores, labels, criterion)
    wanted = naive.best_cut(scores, labels, np.ones(len(scores), dtype=bool), criterion)
    assert (scores >= found).tolist() == (scores >= wanted).tolist()
    assert np.isinf(found) == np.isinf(wanted)


@settings(max_examples=150)
@given(IN_FOLDS, CRITERIA)
def test_cross_fit_against_a_naive_loop(rows: list[tuple[float, float, int, int]], criterion: Criterion) -> None:
    """Two models at once; of cuts that do the rows of other folds alike, the one that flags most."""
    first, second, label, fold = zip(*rows, strict=True)
    scores, labels, fold_of = np.array([first, second]), labeled(*label), np.array(fold, dtype=np.intp)
    found = Ranking.of(scores, labels).cross_fit(fold_of, criterion)
    wanted = [naive.cross_flags(one, labels, fold_of, criterion).tolist() for one in scores]
    assert found.tolist() == wanted


def test_by_hand() -> None:
    scores, labels = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), labeled(1, 0, 1, 1, 0, 0)
    expected = [
        (PRECISION, 0.85),  # one of one right, a third of all
        (Criterion(recall_min=0.5), 0.55),  # three of four right
        (Criterion(Goal.RECALL_AT_TARGET_PRECISION, precision_min=0.75), 0.55),
        (Criterion(Goal.RECALL_AT_TARGET_PRECISION, precision_min=0.8), 0.85),
        (Criterion(Goal.ACCURACY), 0.55),  # five of six
        (Criterion(Goal.F_BETA), 0.55),  # 2 * 3 / (3 + 4)
        (Criterion(Goal.F_BETA, beta=0.25), 0.85),  # precision weighs most
    ]
    for criterion, wanted in expected:
        assert plainly(scores, labels, criterion) == pytest.approx(wanted)


@pytest.mark.parametrize("goal", FITTED)
def test_ties_go_to_the_higher_recall(goal: Goal) -> None:
    """Whoever flags two, or all four where accuracy weighs all rows alike, loses nothing by it."""
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    found = plainly(scores, labeled(1, 1, 0, 0), Criterion(goal, recall_min=0.25, precision_min=1.0))
    assert found == pytest.approx(0.75)
    assert plainly(scores, labeled(1, 0, 1, 0), Criterion(Goal.ACCURACY)) == pytest.approx(0.65)


def test_equal_scores_are_flagged_together() -> None:
    scores, labels = np.array([0.9, 0.9, 0.1]), labeled(1, 0, 1)
    assert plainly(scores, labels, PRECISION) == pytest.approx(0.1)  # two of three, where one of two was the rest
    assert plainly(np.full(5, 0.3), labeled(1, 0, 0, 0, 0), PRECISION) == 0.3


@pytest.mark.parametrize("low", [0.5, np.nextafter(0.5, 1)])
def test_neighbouring_floats_leave_no_room_between(low: float) -> None:
    scores = np.array([np.nextafter(low, 1), low])
    found = plainly(scores, labeled(1, 0), PRECISION)
    assert (scores >= found).tolist() == [True, False]


@pytest.mark.parametrize(
    ("labels", "criterion"),
    [
        ((0, 0, 0), PRECISION),
        ((0, 0, 0), Criterion(Goal.ACCURACY)),
        ((0, 0, 0), Criterion(Goal.F_BETA)),
        ((0, 1, 0), Criterion(Goal.RECALL_AT_TARGET_PRECISION, precision_min=0.75)),
    ],
)
def test_where_nothing_meets_the_goal_nothing_is_flagged(labels: tuple[int, ...], criterion: Criterion) -> None:
    scores = np.array([0.9, 0.5, 0.1])
    assert plainly(scores, labeled(*labels), criterion) == np.inf


@settings(max_examples=150)
@given(WEIGHED, CRITERIA)
def test_the_threshold_that_goes_out_against_brute_force(
    weighed: list[tuple[float, int, float]], criterion: Criterion
) -> None:
    scores, labels, weights = (np.array(column) for column in zip(*weighed, strict=True))
    found = fit_threshold(scores, labels.astype(np.uint8), weights, criterion)
    wanted = naive.cut_that_goes_out(scores.tolist(), labels.tolist(), weights.tolist(), criterion, FLAGGED_MAX)
    assert (scores >= found).tolist() == (scores >= wanted).tolist()


def test_the_threshold_that_goes_out_flags_half_at_most() -> None:
    """Three of the best four are right, and of six rows three may be flagged."""
    scores, labels = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), labeled(0, 1, 1, 1, 0, 0)
    assert plainly(scores, labels, PRECISION) == pytest.approx(0.55)
    assert fit_threshold(scores, labels, np.ones(6), PRECISION) == pytest.approx(0.65)


def test_half_is_of_the_weight_and_not_of_the_rows() -> None:
    scores, labels = np.array([0.9, 0.8, 0.7, 0.6]), labeled(0, 1, 1, 0)
    assert fit_threshold(scores, labels, np.ones(4), PRECISION) == pytest.approx(0.75)
    assert fit_threshold(scores, labels, np.array([0.5, 0.5, 1.0, 2.0]), PRECISION) == pytest.approx(0.65)
    assert fit_threshold(scores, labels, np.array([1.0, 3.0, 1.0, 1.0]), PRECISION) == pytest.approx(0.85)


def test_rows_count_by_their_weight_where_precision_is_weighed() -> None:
    scores, labels = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), labeled(1, 0, 1, 0, 0, 0)
    assert fit_threshold(scores, labels, np.ones(6), Criterion(recall_min=1.0)) == pytest.approx(0.65)
    light = np.array([0.25, 0.25, 1.0, 1.0, 1.0, 1.0])
    assert fit_threshold(scores, labels, light, Criterion(recall_min=0.5)) == pytest.approx(0.65)
    assert fit_threshold(scores, labels, np.ones(6), Criterion(recall_min=0.5)) == pytest.approx(0.85)


def test_of_thresholds_that_do_alike_the_one_that_flags_least_goes_out() -> None:
    scores, labels = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), labeled(1, 1, 0, 0, 0, 0)
    assert plainly(scores, labels, PRECISION) == pytest.approx(0.75)
    assert fit_threshold(scores, labels, np.ones(6), PRECISION) == pytest.approx(0.85)


@pytest.mark.parametrize(
    ("labels", "criterion"),
    [
        ((0, 0, 0, 0, 1, 1), PRECISION),
        ((0, 0, 0, 0, 0, 0), PRECISION),
        ((0, 0, 0, 0, 0, 0), Criterion(Goal.F_BETA)),
        ((0, 1, 0, 0, 1, 1), Criterion(Goal.RECALL_AT_TARGET_PRECISION, precision_min=0.75)),
    ],
)
def test_where_no_half_meets_the_goal_the_best_half_is_flagged(labels: tuple[int, ...], criterion: Criterion) -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert fit_threshold(scores, labeled(*labels), np.ones(6), criterion) == pytest.approx(0.65)


def test_where_more_than_half_share_the_highest_score_they_are_flagged() -> None:
    scores = np.array([0.9, 0.9, 0.9, 0.4])
    assert fit_threshold(scores, labeled(1, 0, 1, 0), np.ones(4), PRECISION) == pytest.approx(0.65)
    assert fit_threshold(np.full(4, 0.3), labeled(1, 0, 1, 0), np.ones(4), PRECISION) == 0.3


@pytest.mark.parametrize("low", [0.5, np.nextafter(0.5, 1)])
def test_what_goes_out_lies_between_neighbouring_floats_too(low: float) -> None:
    scores = np.array([np.nextafter(low, 1), low])
    found = fit_threshold(scores, labeled(1, 0), np.ones(2), PRECISION)
    assert (scores >= found).tolist() == [True, False]


def test_a_fold_whose_others_hold_no_positives_is_not_flagged() -> None:
    scores, labels = np.array([[0.9, 0.5, 0.1, 0.8]]), labeled(0, 0, 0, 1)
    flags = Ranking.of(scores, labels).cross_fit(np.array([0, 0, 0, 1]), PRECISION)
    assert flags[0].tolist() == [True, True, True, False]


def test_models_are_independent_of_one_another() -> None:
    chance = np.random.default_rng(3)
    scores, labels = chance.random((7, 200)), chance.integers(0, 2, 200).astype(np.uint8)
    fold_of = np.arange(200) // 70
    together = Ranking.of(scores, labels)
    flags = together.cross_fit(fold_of, PRECISION)
    some = together.take(np.array([5, 2]))
    for k in range(7):
        alone = Ranking.of(scores[k : k + 1], labels)
        assert alone.threshold(PRECISION)[0] == together.threshold(PRECISION)[k]
        assert alone.cross_fit(fold_of, PRECISION)[0].tolist() == flags[k].tolist()
    assert some.threshold(PRECISION).tolist() == together.threshold(PRECISION)[[5, 2]].tolist()
    assert some.cross_fit(fold_of, PRECISION).tolist() == flags[[5, 2]].tolist()


def test_cross_fit_by_hand() -> None:
    scores, labels = np.array([0.9, 0.6, 0.2, 0.8, 0.5, 0.1]), labeled(1, 0, 0, 0, 1, 0)
    # On the first fold it is best to flag 0.9 alone, which any cut above 0.6 does: the lowest takes 0.8 of the second.
    # On the second it is best to flag 0.8 and 0.5, which any cut above 0.1 does: the lowest takes all of the first.
    flags = Ranking.of(scores[np.newaxis], labels).cross_fit(np.array([0, 0, 0, 1, 1, 1]), PRECISION)
    assert flags[0].tolist() == [True, True, True, True, False, False]


def test_no_row_judges_a_threshold_it_helped_to_fit() -> None:
    """Whatever the labels of a fold, its rows are flagged alike; those of the others are not."""
    chance = np.random.default_rng(4)
    scores, labels = chance.random((1, 90)), chance.integers(0, 2, 90).astype(np.uint8)
    fold_of = np.arange(90) // 30
    before = Ranking.of(scores, labels).cross_fit(fold_of, PRECISION)[0]
    moved = 0
    for row in range(90):
        other = labels.copy()
        other[row] = 1 - other[row]
        after = Ranking.of(scores, other).cross_fit(fold_of, PRECISION)[0]
        own = fold_of == fold_of[row]
        assert after[own].tolist() == before[own].tolist()
        moved += int((after != before).any())
    assert moved > 5


def test_on_noise_the_held_out_precision_is_the_base_rate() -> None:
    chance = np.random.default_rng(5)
    scores, labels = chance.random((400, 500)), (chance.random(500) < 0.4).astype(np.uint8)
    ranking = Ranking.of(scores, labels)
    own = scores >= ranking.threshold(PRECISION)[:, np.newaxis]
    held_out = ranking.cross_fit(np.arange(500) // 167, PRECISION)
    assert np.mean([labels[flags].mean() for flags in own]) > labels.mean() + 0.02
    assert np.mean([labels[flags].mean() for flags in held_out if flags.any()]) == pytest.approx(
        labels.mean(), abs=0.01
    )


@pytest.mark.parametrize("goal", Goal)
def test_aims_raise_what_is_kept(goal: Goal) -> None:
    criterion = Criterion(goal, recall_min=0.25, precision_min=0.5, beta=2.0)
    assert MARGINS[0] == 1.0
    assert list(MARGINS) == sorted(set(MARGINS))
    assert with_margin(criterion, 1.0) == replace(
        criterion.for_thresholds, precision_min=with_margin(criterion, 1.0).precision_min
    )
    raised = with_margin(criterion, 1.5)
    assert (raised.goal, raised.recall_min) == (criterion.for_thresholds.goal, 0.375)
    assert with_margin(criterion, 5.0).recall_min == 1.0
    if goal is Goal.RECALL_AT_TARGET_PRECISION:
        assert (raised.precision_min, with_margin(criterion, 3.0).precision_min) == (0.75, 1.0)
