"""What gate and proof must decide, by docs/semantics.md, "Gate" and "Proof": written apart from both. Shares with them
how a model scores rows, and the pooled lift."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy import stats

from services.trainer.dataset.rows import Rows
from tests.unit.trainer.naive import alive_alone
from tidewheel.domain.models import Champion, Evidence, Model, Scorecard, Scorer
from tidewheel.evidence import pooling

PAIRS_MIN, PAIRS_MAX = 5, 20
Z = float(stats.norm.ppf(0.975))
Judged = tuple[Scorecard, Champion | None]


def worse_than_served(holdout: Model | None, served: Model | None, test: Rows) -> bool:
    """Whether Newcombe's interval of the two precisions lies wholly below 0."""
    if holdout is None or served is None:
        return False
    own, other = (flags_of(model, test) for model in (holdout, served))
    if not own.any() or not other.any():
        return False
    (p, _, p_high), (q, q_low, _) = (wilson(test.take(flags)) for flags in (own, other))
    return bool(p - q + sqrt((p_high - p) ** 2 + (q - q_low) ** 2) < 0)


def wilson(rows: Rows) -> tuple[float, float, float]:
    """The share of PROFIT, and the ends of its interval: where the share lies Z standard errors from the truth."""
    share, n = float(rows.label.mean()), max(alive_alone(rows), 1e-9)
    low, high = np.sort(np.roots([n + Z * Z, -(2 * n * share + Z * Z), n * share * share]).real)
    return share, float(max(low, 0)), float(min(high, 1))


def champion_on(served: Model | None, rows: Rows) -> Champion | None:
    """What the served model flags of rows that judge another; None where it may know one of them."""
    if served is None or not len(rows) or not (rows.placed_ns > served.last_resolved_ns).all():
        return None
    flags = flags_of(served, rows)
    return Champion(served.seq, int(flags.sum()), int(rows.label[flags].sum()))


def proven(newest_first: Sequence[Judged], serving: int | None) -> bool:
    """Whether the procedure is shown better than the model that serves, or than chance where none does."""
    judged = [(card, one) for card, one in newest_first if card.rows and (one.seq if one else None) == serving]
    judged = judged[:PAIRS_MAX]
    pairs = [(card, one) for card, one in judged if one]
    if serving is not None and len(pairs) < PAIRS_MIN:
        return False
    if not any(one.flagged for _, one in pairs):
        return pooling.pool_scorecards([card for card, _ in judged]).by_lift is Evidence.STRONG
    flagged, hits, flagged_other, hits_other, rows, worth = np.array(
        [(a.flagged, a.hits, b.flagged, b.hits, a.rows, a.effective_rows) for a, b in pairs], dtype=float
    ).T
    if not flagged.sum():
        return False
    p, q = hits.sum() / flagged.sum(), hits_other.sum() / flagged_other.sum()
    by_size = sqrt(variance(p, (worth * flagged / rows).sum()) + variance(q, (worth * flagged_other / rows).sum()))
    drawn = (hits - p * flagged) / flagged.sum() - (hits_other - q * flagged_other) / flagged_other.sum()
    between = sqrt(len(pairs) / (len(pairs) - 1) * (drawn**2).sum())
    return bool(p - q > stats.t.ppf(0.99, len(pairs) - 1) * max(by_size, between))


def variance(share: float, n: float) -> float:
    """Of a share of n rows and two more, one of them PROFIT."""
    drawn = (share * n + 1) / (n + 2)
    return drawn * (1 - drawn) / max(n, 1.0)


def flags_of(model: Model, rows: Rows) -> np.ndarray:
    return Scorer.of(model).scores(rows.features) >= model.threshold
