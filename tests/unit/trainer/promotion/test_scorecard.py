"""The next-window scorecard by hand: which rows, which counts."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.rows import Rows
from services.trainer.promotion import scorecard
from tests.synthetic_models import make_model
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Lineage, Model

LAST_SEQ, LAST_NS = 100, 5_000


def model(sign: float = 1.0) -> Model:
    """Flags rows whose first feature is positive; its window ended with example 100, resolved at 5000."""
    weights = np.zeros(FEATURE_COUNT)
    weights[0] = sign * 4.0
    return replace(
        make_model(1),
        coefficients=weights,
        mean=np.zeros(FEATURE_COUNT),
        std=np.ones(FEATURE_COUNT),
        intercept=0.0,
        threshold=0.5,
        last_resolved_ns=LAST_NS,
        lineage=Lineage("examples", 0, 1, LAST_SEQ, "{}", ""),
    )


def rows(seqs: list[int], placed: list[int], flags: list[bool], labels: list[int], pnl: list[int]) -> Rows:
    features = np.zeros((len(seqs), FEATURE_COUNT), dtype=np.float32)
    features[:, 0] = np.where(flags, 1.0, -1.0)
    placed_ns = np.array(placed, dtype=np.int64)
    return Rows(
        features,
        np.array(labels, dtype=np.uint8),
        placed_ns,
        placed_ns + 10,
        placed_ns,
        np.array(seqs, dtype=np.int64),
        np.array(pnl, dtype=np.int64),
    )


FOLLOWING = rows(
    # In the window itself; placed before its end; at its very end; and five rows that may judge.
    seqs=[100, 101, 102, 103, 104, 105, 106, 107],
    placed=[6000, 4000, 5000, 5001, 5100, 5200, 5300, 5400],
    flags=[True, True, True, True, True, False, True, False],
    labels=[1, 1, 1, 1, 0, 1, 1, 0],
    pnl=[1000, 1000, 1000, 5, -7, 11, 13, -17],
)


def test_rows_placed_after_the_window_closed_judge_the_model() -> None:
    assert scorecard.rows_after(model(), FOLLOWING).example_seq.tolist() == [103, 104, 105, 106, 107]


def test_counts_by_hand() -> None:
    card = scorecard.score(model(), scorecard.rows_after(model(), FOLLOWING))
    assert (card.rows, card.positives, card.flagged, card.hits) == (5, 3, 3, 2)
    assert (card.precision, card.recall, card.base_rate) == (2 / 3, 2 / 3, 3 / 5)
    assert (card.flagged_pnl_e9, card.pnl_e9) == (5 - 7 + 13, 5 - 7 + 11 + 13 - 17)
    assert card.effective_rows == pytest.approx(5.0)
    sure, wrong = np.log(1 + np.exp(-4.0)), np.log(1 + np.exp(4.0))
    assert card.log_loss == pytest.approx((3 * sure + 2 * wrong) / 5)


def test_no_row_may_judge() -> None:
    card = scorecard.score(model(), scorecard.rows_after(model(), FOLLOWING.take(slice(0, 3))))
    assert (card.rows, card.flagged, card.precision, card.base_rate, card.effective_rows) == (0, 0, 0.0, 0.0, 0.0)


def test_large_profits_do_not_overflow() -> None:
    huge = 2**62
    judged = rows([101, 102, 103], [6000, 6001, 6002], [True] * 3, [1] * 3, [huge] * 3)
    assert scorecard.score(model(), judged).pnl_e9 == 3 * huge
