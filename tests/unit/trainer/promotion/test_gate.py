"""The gate: what is worse, what states little, held to a proof, and how wide its intervals are."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from services.trainer.dataset.rows import Rows
from services.trainer.promotion import gate
from services.trainer.promotion.gate import GateDecision, require_proof
from services.trainer.promotion.proof import Proof
from tests.synthetic_models import make_model
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Model
from tidewheel.domain.training import RunReason
from tidewheel.evidence.intervals import (
    Proportion,
    newcombe_difference,
    normal_quantile,
    student_t_quantile,
    wilson,
)


def reader(seq: int, feature: int, threshold: float = 0.5) -> Model:
    """A model that flags rows whose `feature` is positive."""
    weights = np.zeros(FEATURE_COUNT)
    weights[feature] = 8.0
    zeros, ones = np.zeros(FEATURE_COUNT), np.ones(FEATURE_COUNT)
    return replace(make_model(seq), coefficients=weights, mean=zeros, std=ones, intercept=0.0, threshold=threshold)


def rows(labels: np.ndarray, columns: dict[int, np.ndarray], *, overlapping: bool) -> Rows:
    """Rows with some feature columns of ±1; all alive at once, or one after the other."""
    count = len(labels)
    features = np.zeros((count, FEATURE_COUNT), dtype=np.float32)
    for column, values in columns.items():
        features[:, column] = np.where(values, 1.0, -1.0)
    at = np.arange(count, dtype=np.int64)
    ended = at + 10 * count if overlapping else at + 1
    return Rows(features, labels.astype(np.uint8), at, ended, at, at, at)


LABELS = np.arange(300) % 2 == 0
RIGHT, WRONG = LABELS, ~LABELS


@pytest.mark.parametrize(
    ("threshold", "flags", "words"),
    [
        (2.0, RIGHT, "it flags nothing on the test part, whose base rate is 0.500"),
        (0.0, RIGHT, "test precision 0.500 over base rate 0.500; it flags all of the test part"),
        (0.5, WRONG, "test precision 0.000 over base rate 0.500"),
    ],
    ids=["nothing", "everything", "nothing right"],
)
def test_what_a_few_minutes_hold_by_chance_refuses_nothing(threshold: float, flags: np.ndarray, words: str) -> None:
    test = rows(LABELS, {0: flags}, overlapping=False)
    decision = gate.decide(reader(2, 0, threshold), None, test)
    assert decision.reason is None
    assert decision.detail.startswith(words)


@pytest.mark.parametrize("label", [0, 1])
def test_a_test_part_of_one_class_refuses_nothing(label: int) -> None:
    test = rows(np.full(300, label), {0: RIGHT, 1: WRONG}, overlapping=False)
    for served in (None, reader(1, 1)):
        assert gate.decide(reader(2, 0), served, test).reason is None


def test_without_a_holdout_model_nothing_is_stated_and_nothing_refused() -> None:
    test = rows(LABELS, {0: RIGHT}, overlapping=False)
    for served in (None, reader(1, 0)):
        decision = gate.decide(None, served, test)
        assert decision == GateDecision(None, "too little was known before the test part to state anything of it")


def test_who_flags_nothing_right_is_worse_than_who_flags_right() -> None:
    test = rows(LABELS, {0: RIGHT, 1: WRONG}, overlapping=False)
    assert gate.decide(reader(2, 1), reader(1, 0), test).reason is RunReason.WORSE_THAN_SERVED


def test_who_flags_nothing_is_not_worse_than_who_flags_right() -> None:
    test = rows(LABELS, {0: RIGHT}, overlapping=False)
    decision = gate.decide(reader(2, 0, threshold=2.0), reader(1, 0), test)
    assert decision.reason is None
    assert "flags nothing" in decision.detail


def test_the_first_model_may_serve_whatever_its_worth() -> None:
    half_right = np.arange(300) % 4 < 2
    test = rows(LABELS, {0: half_right}, overlapping=True)
    decision = gate.decide(reader(1, 0), None, test)
    assert decision.reason is None
    assert "+0.000" in decision.detail
    assert "none served" in decision.detail


def test_conclusively_worse_is_refused() -> None:
    test = rows(LABELS, {0: RIGHT, 1: np.arange(300) % 3 == 0}, overlapping=False)
    decision = gate.decide(reader(2, 1), reader(1, 0), test)
    assert decision.reason is RunReason.WORSE_THAN_SERVED
    assert "served model 1 1.000" in decision.detail


def test_worse_on_few_effective_rows_is_a_statement_only() -> None:
    test = rows(LABELS, {0: RIGHT, 1: np.arange(300) % 3 == 0}, overlapping=True)
    assert gate.decide(reader(2, 1), reader(1, 0), test).reason is None


def test_a_served_model_that_flags_nothing_refuses_nobody() -> None:
    test = rows(LABELS, {0: RIGHT}, overlapping=False)
    decision = gate.decide(reader(2, 0), reader(1, 0, threshold=2.0), test)
    assert decision.reason is None
    assert decision.detail.endswith("served model 1 flags nothing there")


def test_what_may_serve_is_held_to_the_proof() -> None:
    may, worse = GateDecision(None, "good"), GateDecision(RunReason.WORSE_THAN_SERVED, "worse")
    assert require_proof(Proof(True, "shown"), may) == GateDecision(None, "good; shown")
    assert require_proof(Proof(False, "not shown"), may) == GateDecision(RunReason.NOT_PROVEN, "good; not shown")
    for better in (True, False):
        assert require_proof(Proof(better, "x"), worse) is worse


def test_wilson_against_scipy() -> None:
    for hits, count in ((3, 10), (0, 7), (7, 7), (40, 90)):
        found = wilson(Proportion(hits / count, count), 0.975)
        wanted = stats.binomtest(hits, count).proportion_ci(0.95, "wilson")
        assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert wilson(Proportion(0.0, 0.0), 0.975).high == pytest.approx(1.0)


def test_difference_by_the_book() -> None:
    # Newcombe 1998, table II: 56/70 against 48/80, method 10.
    found = newcombe_difference(Proportion(56 / 70, 70), Proportion(48 / 80, 80), 0.975)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_quantiles_against_scipy() -> None:
    assert normal_quantile(0.975) == pytest.approx(stats.norm.ppf(0.975))
    for level in (0.90, 0.99):
        for degrees in range(4, 30):
            assert student_t_quantile(level, degrees) == pytest.approx(stats.t.ppf(level, degrees), rel=2e-3)
