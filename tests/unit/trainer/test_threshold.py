"""Thresholds against brute force, and who may judge them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trainer import threshold

SCORED = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.5000001, 0.9]), st.integers(0, 1)), min_size=1)


def best_by_brute_force(scores: np.ndarray, labels: np.ndarray, floor: float) -> tuple[float, float]:
    """Highest precision with enough recall over every distinct score, then the highest recall."""
    reached = []
    for cut in np.unique(scores):
        flags = scores >= cut
        hits = (flags & (labels == 1)).sum()
        if hits >= floor * labels.sum():
            reached.append((hits / flags.sum(), hits / labels.sum()))
    return max(reached)


@given(SCORED, st.sampled_from([0.1, 0.25, 0.5, 1.0]))
def test_against_brute_force(scored: list[tuple[float, int]], floor: float) -> None:
    scores, labels = np.array([s for s, _ in scored]), np.array([y for _, y in scored], dtype=np.uint8)
    fitted = threshold.fit(scores[:, np.newaxis], labels, floor)
    if not labels.any():
        assert fitted.threshold[0] == np.inf
        return
    precision, recall = best_by_brute_force(scores, labels, floor)
    assert (fitted.precision[0], fitted.recall[0]) == (precision, recall)
    flags = scores >= fitted.threshold[0]
    assert (flags & (labels == 1)).sum() / flags.sum() == precision
    assert (flags & (labels == 1)).sum() / labels.sum() == recall


def test_by_hand() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    labels = np.array([1, 0, 1, 1, 0, 0], dtype=np.uint8)
    fitted = threshold.fit(scores[:, np.newaxis], labels, 0.25)
    assert (fitted.precision[0], fitted.recall[0]) == (1.0, 1 / 3)
    assert fitted.threshold[0] == pytest.approx(0.85)
    assert threshold.fit(scores[:, np.newaxis], labels, 0.5).precision[0] == 0.75


def test_ties_go_to_the_higher_recall() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    labels = np.array([1, 1, 0, 0], dtype=np.uint8)
    fitted = threshold.fit(scores[:, np.newaxis], labels, 0.25)
    assert fitted.recall[0] == 1.0


def test_equal_scores_are_flagged_together() -> None:
    scores = np.array([0.9, 0.9, 0.1])
    labels = np.array([1, 0, 1], dtype=np.uint8)
    fitted = threshold.fit(scores[:, np.newaxis], labels, 0.25)
    assert (fitted.precision[0], fitted.recall[0]) == (2 / 3, 1.0)


def test_neighbouring_floats_leave_no_room_between() -> None:
    scores = np.array([np.nextafter(0.5, 1), 0.5])
    labels = np.array([1, 0], dtype=np.uint8)
    fitted = threshold.fit(scores[:, np.newaxis], labels, 0.25)
    assert (scores >= fitted.threshold[0]).tolist() == [True, False]


def test_models_are_independent_of_one_another() -> None:
    chance = np.random.default_rng(3)
    scores, labels = chance.random((200, 7)), chance.integers(0, 2, 200).astype(np.uint8)
    together = threshold.fit(scores, labels, 0.25)
    for k in range(7):
        alone = threshold.fit(scores[:, k : k + 1], labels, 0.25)
        assert alone.threshold[0] == together.threshold[k]
        assert alone.precision[0] == together.precision[k]


def test_no_row_judges_a_threshold_it_helped_to_fit() -> None:
    scores = np.array([0.9, 0.6, 0.2, 0.8, 0.5, 0.1])[:, np.newaxis]
    labels = np.array([1, 0, 0, 0, 1, 0], dtype=np.uint8)
    first, second = np.array([0, 1, 2]), np.array([3, 4, 5])
    # From the first half: above 0.75, which flags 0.8 (wrong) of the second. From the second half: above 0.3, at
    # precision 0.5, which flags 0.9 (right) and 0.6 (wrong) of the first.
    held_out = threshold.cross_fit(scores, labels, (first, second), 0.25)
    assert held_out.precision[0] == pytest.approx(1 / 3)
    assert held_out.recall[0] == pytest.approx(1 / 2)
    assert held_out.share[0] == pytest.approx(3 / 6)


def test_on_noise_the_held_out_precision_is_the_base_rate() -> None:
    chance = np.random.default_rng(5)
    scores, labels = chance.random((400, 500)), (chance.random(400) < 0.4).astype(np.uint8)
    first, second = np.arange(200), np.arange(200, 400)
    fitted = threshold.fit(scores, labels, 0.25)
    held_out = threshold.cross_fit(scores, labels, (first, second), 0.25)
    assert fitted.precision.mean() > labels.mean() + 0.02
    assert held_out.precision.mean() == pytest.approx(labels.mean(), abs=0.01)
