"""How much speaks for the procedure: the pooled next-window scorecards of the last models.

Whether one window's model beats always saying yes cannot be known from that window: its rows share their future. So the
question is asked of the procedure, over successive models, each judged at a threshold fixed beforehand on later rows
only. The figure is pooled precision minus pooled base rate. Pooling both before subtracting matters: within one window
the flags and the base rate depend on the same prices, which would give a contrarian model an edge out of nothing.

Two standard errors are made, and the larger counts: one from the effective sample sizes, as if the flagged rows were a
fair part of them, and one from how the models differ among themselves (linearised ratio, Student's t), which no overlap
of labels within a window can flatter. `weak` and `strong` are one-sided bounds above 0, with enough models behind them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from river import metrics

from services.trainer.intervals import t_of
from tidewheel.domain.models import Evidence, Scorecard

MODELS_MAX = 20
WEAK_LEVEL, WEAK_MODELS_MIN = 0.90, 5
STRONG_LEVEL, STRONG_MODELS_MIN = 0.99, 8


@dataclass(frozen=True, slots=True)
class Pooled:
    """The pooled record. `low_weak` and `low_strong` are lower bounds of precision minus base rate."""

    models: int
    precision: float
    recall: float
    base_rate: float
    low_weak: float
    low_strong: float
    evidence: Evidence

    @property
    def words(self) -> str:
        """A sentence for people."""
        if not self.models:
            return "no model has been judged on a next window yet"
        return (
            f"{self.models} models on their next windows: precision {self.precision:.3f} at recall {self.recall:.3f}, "
            f"base rate {self.base_rate:.3f}; evidence of an edge: {self.evidence}"
        )


NOTHING = Pooled(0, 0.0, 0.0, 0.0, -1.0, -1.0, Evidence.NONE)


def weigh(newest_first: Sequence[Scorecard]) -> Pooled:
    """Pool the last models' scorecards and weigh them; those without rows say nothing."""
    cards = [card for card in newest_first if card.rows][:MODELS_MAX]
    if not cards:
        return NOTHING
    counts = _counts(cards)
    precision, recall = metrics.Precision(cm=counts).get(), metrics.Recall(cm=counts).get()
    rows, positives = sum(card.rows for card in cards), sum(card.positives for card in cards)
    flagged = sum(card.flagged for card in cards)
    base_rate = positives / rows
    low_weak = low_strong = -1.0
    if len(cards) > 1 and 0 < flagged < rows:
        edge, error = precision - base_rate, max(_error_of_sizes(cards), _error_between(cards))
        low_weak = edge - t_of(WEAK_LEVEL, len(cards) - 1) * error
        low_strong = edge - t_of(STRONG_LEVEL, len(cards) - 1) * error
    evidence = _evidence(len(cards), low_weak, low_strong)
    return Pooled(len(cards), precision, recall, base_rate, low_weak, low_strong, evidence)


def _evidence(models: int, low_weak: float, low_strong: float) -> Evidence:
    if models >= STRONG_MODELS_MIN and low_strong > 0:
        return Evidence.STRONG
    return Evidence.WEAK if models >= WEAK_MODELS_MIN and low_weak > 0 else Evidence.NONE


def _counts(cards: Sequence[Scorecard]) -> metrics.ConfusionMatrix:
    """river's running confusion matrix, told each scorecard's counts as weights."""
    counts = metrics.ConfusionMatrix()
    for card in cards:
        for real, said, count in (
            (True, True, card.hits),
            (False, True, card.flagged - card.hits),
            (True, False, card.positives - card.hits),
            (False, False, card.rows - card.flagged - card.positives + card.hits),
        ):
            if count:
                counts.update(real, said, w=count)
    return counts


def _error_of_sizes(cards: Sequence[Scorecard]) -> float:
    """Standard error of precision minus base rate if rows were worth their effective number.

    The difference is (share not flagged) × (precision of the flagged − precision of the others), two separate groups.
    """
    rows, flagged = sum(card.rows for card in cards), sum(card.flagged for card in cards)
    hits, positives = sum(card.hits for card in cards), sum(card.positives for card in cards)
    worth = sum(card.effective_rows * card.flagged / card.rows for card in cards)
    worth_others = sum(card.effective_rows for card in cards) - worth
    spread = _variance(hits / flagged, worth) + _variance((positives - hits) / (rows - flagged), worth_others)
    return (1 - flagged / rows) * sqrt(spread)


def _variance(share: float, worth: float) -> float:
    """Of a share, drawn towards a half by two rows so that a lucky few are not taken for certain."""
    drawn = (share * worth + 1) / (worth + 2)
    return drawn * (1 - drawn) / max(worth, 1.0)


def _error_between(cards: Sequence[Scorecard]) -> float:
    """Standard error of the same from the spread between models, each taken as one observation."""
    table = np.array([(card.rows, card.positives, card.flagged, card.hits) for card in cards], dtype=np.float64)
    rows, positives, flagged, hits = table.T
    precision, base_rate = hits.sum() / flagged.sum(), positives.sum() / rows.sum()
    pull = (hits - precision * flagged) / flagged.sum() - (positives - base_rate * rows) / rows.sum()
    return float(np.sqrt(len(cards) / (len(cards) - 1) * (pull**2).sum()))
