"""Figures against scikit-learn, and where there is nothing to divide by."""

import numpy as np
import pytest
from sklearn import metrics as reference

from services.trainer.learning import classification_metrics


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed: int) -> None:
    chance = np.random.default_rng(seed)
    labels = (chance.random(300) < 0.3).astype(np.uint8)
    scores = np.clip(np.round(chance.normal(0.4 + 0.1 * labels, 0.2), 2), 0.01, 0.99)
    part = classification_metrics.part_metrics(scores, labels, 0.45, 7.5)
    assert part.auc == pytest.approx(reference.roc_auc_score(labels, scores))
    assert part.log_loss == pytest.approx(reference.log_loss(labels, scores))
    assert part.precision == pytest.approx(reference.precision_score(labels, scores >= 0.45))
    assert part.recall == pytest.approx(reference.recall_score(labels, scores >= 0.45))
    for counts, at in ((part.at_half, 0.5), (part.at_threshold, 0.45), (part.at_three_quarters, 0.75)):
        matrix = reference.confusion_matrix(labels, scores >= at).ravel().tolist()
        found = [counts.true_negatives, counts.false_positives, counts.false_negatives, counts.true_positives]
        assert found == matrix
        assert counts.threshold == at
    assert (part.rows, part.positives, part.effective_rows) == (300, int(labels.sum()), 7.5)
    assert part.base_rate == labels.mean()


def test_nothing_flagged_one_class_no_rows() -> None:
    part = classification_metrics.part_metrics(np.array([0.1, 0.2]), np.array([0, 0], dtype=np.uint8), 0.9, 1.0)
    assert (part.precision, part.recall, part.auc) == (0.0, 0.0, 0.5)
    empty = classification_metrics.part_metrics(np.array([]), np.array([], dtype=np.uint8), 0.5, 0.0)
    assert (empty.rows, empty.base_rate, empty.log_loss) == (0, 0.0, 0.0)


def test_a_certain_mistake_costs_much_but_not_infinitely() -> None:
    assert classification_metrics.log_loss(np.array([1.0, 0.0]), np.array([0, 1], dtype=np.uint8)) == pytest.approx(
        34.5, abs=0.1
    )


def test_the_curve_against_scikit_learn() -> None:
    chance = np.random.default_rng(7)
    labels = (chance.random(60) < 0.4).astype(np.uint8)
    scores = np.round(chance.random(60), 1)
    precision, recall, thresholds = reference.precision_recall_curve(labels, scores)
    wanted = {t: (p, r) for t, p, r in zip(thresholds.tolist(), precision.tolist(), recall.tolist(), strict=False)}
    drawn = classification_metrics.curve(scores, labels)
    assert {p.threshold: (pytest.approx(p.precision), pytest.approx(p.recall)) for p in drawn} == wanted
    assert [p.recall for p in drawn] == sorted(p.recall for p in drawn)


def test_a_long_curve_keeps_its_ends_and_its_bound() -> None:
    chance = np.random.default_rng(8)
    drawn = classification_metrics.curve(chance.random(5000), (chance.random(5000) < 0.3).astype(np.uint8))
    assert len(drawn) == classification_metrics.CURVE_POINTS_MAX
    assert drawn[-1].recall == 1.0
    assert classification_metrics.curve(np.array([0.5]), np.array([0], dtype=np.uint8)) == ()


def test_calibration_counts_each_row_once() -> None:
    bins = classification_metrics.calibration(
        np.array([0.0, 0.09, 0.1, 0.95, 1.0]), np.array([0, 1, 1, 0, 1], dtype=np.uint8)
    )
    assert [(b.rows, b.positives) for b in bins] == [(2, 1), (1, 1), *[(0, 0)] * 7, (2, 1)]
    assert bins[-1].score_sum == pytest.approx(1.95)
