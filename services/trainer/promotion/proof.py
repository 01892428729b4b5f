"""Whether the procedure is shown better than the model that serves, on rows that came later: what `proven` promotes by.

A window's test part is worth some 3 to 5 independent labels, on which nothing is shown. So the question is asked of
the procedure: the models made since the serving one, each judged on its next window at its own threshold, against the
serving model on the very same rows. Pooled precision must be higher, one-sided 99 %. Where nothing serves the other
side is not choosing at all, which is what the lift weighs; a serving model that flags none of those rows is no better.

As in evidence two standard errors are made, and the larger counts: one from the effective sample sizes, the two taken
as independent, which errs wide where they flag the same rows; and one from how the paired difference varies between
models (linearised ratio, Student's t).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from services.trainer.dataset.rows import Rows
from services.trainer.promotion.scorecard import rows_after
from tidewheel.domain.models import Champion, Evidence, Model, Scorecard, Scorer
from tidewheel.evidence import pooling
from tidewheel.evidence.intervals import Proportion, shrunk_variance, student_t_quantile
from tidewheel.evidence.pooling import MODELS_MAX, STRONG_LEVEL
from tidewheel.evidence.ratios import Ratio, standard_error_between

PAIRS_MIN = 5

JudgedModel = tuple[Scorecard, Champion | None]
Pair = tuple[Scorecard, Champion]


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether the procedure is shown better, and a sentence for people."""

    better: bool
    detail: str


def champion(served: Model, judged: Rows) -> Champion | None:
    """The served model on the rows that judged another one; None where there are none, or where it may know one of
    them, since not all were placed after its own window closed."""
    if not len(judged) or len(rows_after(served, judged)) < len(judged):
        return None
    flags = Scorer.of(served).scores(judged.features) >= served.threshold
    return Champion(served.seq, int(flags.sum()), int(judged.label[flags].sum()))


def assess(newest_first: Sequence[JudgedModel], serving: int | None) -> Proof:
    """Weigh the models made since the last published one. Rows on which another model than `serving` served say nothing
    about it and do not count."""
    judged = [(card, other) for card, other in newest_first if card.rows and _seq(other) == serving][:MODELS_MAX]
    pairs = [(card, other) for card, other in judged if other is not None]
    if serving is None:
        return _against_not_choosing(judged, "nothing serves")
    if len(pairs) < PAIRS_MIN:
        return Proof(False, f"{len(pairs)} of at least {PAIRS_MIN} models are judged beside model {serving}")
    if not any(other.flagged for _, other in pairs):
        return _against_not_choosing(judged, f"model {serving} flagged nothing beside them")
    return _against(pairs, serving)


def _seq(other: Champion | None) -> int | None:
    return other.seq if other else None


def _against_not_choosing(judged: Sequence[JudgedModel], why: str) -> Proof:
    pooled = pooling.pool_scorecards([card for card, _ in judged])
    detail = f"{why}: strong evidence by lift is asked for, {pooled.models} models give {pooled.by_lift}"
    return Proof(pooled.by_lift is Evidence.STRONG, detail)


def _against(pairs: Sequence[Pair], serving: int) -> Proof:
    flagged, hits = sum(card.flagged for card, _ in pairs), sum(card.hits for card, _ in pairs)
    if not flagged:
        return Proof(False, f"{len(pairs)} models since model {serving} flagged nothing")
    own, other = hits / flagged, _precision_of_champion(pairs)
    error = max(pair_error_of_sizes(pairs), pair_error_between(pairs))
    low = own - other - student_t_quantile(STRONG_LEVEL, len(pairs) - 1) * error
    detail = (
        f"{len(pairs)} models since model {serving} on their next windows: precision {own:.3f}, its own there "
        f"{other:.3f}; difference {own - other:+.3f}, at least {low:+.3f} at {STRONG_LEVEL:.0%}"
    )
    return Proof(low > 0, detail)


def _precision_of_champion(pairs: Sequence[Pair]) -> float:
    return sum(other.hits for _, other in pairs) / sum(other.flagged for _, other in pairs)


def pair_error_of_sizes(pairs: Sequence[Pair]) -> float:
    """Standard error of the difference if flagged rows were worth their part of the effective ones."""
    own = sum(card.hits for card, _ in pairs) / sum(card.flagged for card, _ in pairs)
    effective_flagged = sum(card.effective_rows * card.flagged / card.rows for card, _ in pairs)
    effective_champion = sum(card.effective_rows * other.flagged / card.rows for card, other in pairs)
    champions = Proportion(_precision_of_champion(pairs), effective_champion)
    return sqrt(shrunk_variance(Proportion(own, effective_flagged)) + shrunk_variance(champions))


def pair_error_between(pairs: Sequence[Pair]) -> float:
    """Standard error of the same from the spread between models, each pair taken as one observation."""
    own = Ratio.of((card.hits, card.flagged) for card, _ in pairs)
    other = Ratio.of((other.hits, other.flagged) for _, other in pairs)
    return standard_error_between(own.influence - other.influence)
