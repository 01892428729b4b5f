"""How much speaks for the procedure: what a bettor on it has, and the pooled scorecards of the last models beside it.

Evidence is the wealth of the bettor on flagged orders as of the newest scorecard (`tidewheel.domain.betting`, ADR 25):
it may be looked at after every window. The lift describes how the models did, with an interval that is right if it is
looked at once; looked at after every window it is above 0 sooner or later by chance alone.

Whether one window's model beats always saying yes cannot be known from that window: its rows share their future. So the
question is asked of the procedure, over successive models, each judged at a threshold fixed beforehand on later rows
only. The figure is pooled precision minus pooled base rate. Pooling both before subtracting matters: within one window
the flags and the base rate depend on the same prices, which would give a contrarian model an edge out of nothing.

Of the lift two standard errors are made, and the larger counts: one from the effective sample sizes, as if the flagged
rows were a fair part of them, and one from how the models differ among themselves (linearised ratio, Student's t),
which no overlap of labels within a window can flatter. By lift, `weak` and `strong` are one-sided bounds above 0, with
enough models behind them. The intervals stated beside them are of the same two kinds, the wider counting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from tidewheel.domain.account import Account
from tidewheel.domain.models import Baseline, CalibrationBin, Evidence, Scorecard
from tidewheel.evidence.intervals import Interval, Proportion, shrunk_variance, student_t_quantile, wilson
from tidewheel.evidence.pooled_scorecards import ANY_SHARE, NO_SCORECARDS, PooledScorecards, ProfitAndLoss
from tidewheel.evidence.ratios import Ratio, standard_error_between

MODELS_MAX = 20
WEAK_LEVEL, WEAK_MODELS_MIN = 0.90, 5
STRONG_LEVEL, STRONG_MODELS_MIN = 0.99, 8
LEVEL = 0.975  # of each bound: two-sided 95 %


@dataclass(frozen=True, slots=True)
class _Difference:
    """Of two pooled ratios, with its standard error; `degrees` of freedom: the models but one."""

    value: float
    error: float
    degrees: int

    def low(self, level: float) -> float:
        return self.value - student_t_quantile(level, self.degrees) * self.error

    @property
    def interval(self) -> Interval:
        low = self.low(LEVEL)
        return Interval(self.value, low, 2 * self.value - low)


def pool_scorecards(newest_first: Sequence[Scorecard]) -> PooledScorecards:
    """Pool the last models' scorecards and weigh them; those without rows say nothing."""
    cards = [card for card in newest_first if card.rows][:MODELS_MAX]
    if not cards:
        return NO_SCORECARDS
    edge = _edge(cards)
    account = next((card.account for card in newest_first if card.account), None)
    low_weak, low_strong = (edge.low(WEAK_LEVEL), edge.low(STRONG_LEVEL)) if edge else (-1.0, -1.0)
    return PooledScorecards(
        models=len(cards),
        precision=_proportion(_right(cards), sum(_effective_flagged(card) for card in cards)),
        recall=_recall(cards),
        base_rate=_proportion(_base(cards), sum(card.effective_rows for card in cards)),
        lift=edge.interval if edge else None,
        low_weak=low_weak,
        low_strong=low_strong,
        evidence=_evidence(account),
        pnl=_profit_and_loss(cards) if edge else None,
        calibration=_calibration(cards),
        baseline=_baseline([card.baseline for card in cards if card.baseline]),
        by_lift=_by_lift(len(cards), low_weak, low_strong),
        account=account,
    )


def _right(cards: Sequence[Scorecard]) -> Ratio:
    """Pooled precision."""
    return Ratio.of((card.hits, card.flagged) for card in cards)


def _base(cards: Sequence[Scorecard]) -> Ratio:
    """Pooled base rate."""
    return Ratio.of((card.positives, card.rows) for card in cards)


def _recall(cards: Sequence[Scorecard]) -> float:
    """Pooled; 0 where there is no positive row."""
    positives = sum(card.positives for card in cards)
    return sum(card.hits for card in cards) / positives if positives else 0.0


def _edge(cards: Sequence[Scorecard]) -> _Difference | None:
    """Precision minus base rate; None where there is nothing to compare."""
    flagged = sum(card.flagged for card in cards)
    if len(cards) < 2 or not 0 < flagged < sum(card.rows for card in cards):
        return None
    right, base = _right(cards), _base(cards)
    error = max(_standard_error_of_sizes(cards), standard_error_between(right.influence - base.influence))
    return _Difference(right.value - base.value, error, len(cards) - 1)


def _profit_and_loss(cards: Sequence[Scorecard]) -> ProfitAndLoss:
    """Of an order flagged against an order of all; its error is the one between models, since amounts have no other."""
    own = Ratio.of((card.flagged_pnl_e9, card.flagged) for card in cards)
    every = Ratio.of((card.pnl_e9, card.rows) for card in cards)
    apart = _Difference(
        own.value - every.value, standard_error_between(own.influence - every.influence), len(cards) - 1
    )
    return ProfitAndLoss(own.value, every.value, apart.interval)


def _proportion(ratio: Ratio, effective_flagged: float) -> Interval:
    """A pooled share with Wilson's bounds at its effective size, or those from the spread between models if wider."""
    if not ratio.wholes.sum():
        return ANY_SHARE
    inner, models = wilson(Proportion(ratio.value, effective_flagged), LEVEL), len(ratio.wholes)
    if models < 2:
        return inner
    outer = _Difference(ratio.value, standard_error_between(ratio.influence), models - 1).interval
    return Interval(inner.value, max(0.0, min(inner.low, outer.low)), min(1.0, max(inner.high, outer.high)))


def _calibration(cards: Sequence[Scorecard]) -> tuple[CalibrationBin, ...]:
    """The scorecards' bins summed; those without bins are older than these are."""
    return tuple(
        CalibrationBin(sum(b.rows for b in bins), sum(b.positives for b in bins), sum(b.score_sum for b in bins))
        for bins in zip(*(card.calibration for card in cards if card.calibration), strict=True)
    )


def _baseline(counts: Sequence[Baseline]) -> Baseline | None:
    if not counts:
        return None
    return Baseline(
        *(sum(one.rows for one in counts), sum(one.positives for one in counts)),
        *(sum(one.flagged for one in counts), sum(one.hits for one in counts)),
    )


def _evidence(account: Account | None) -> Evidence:
    """What the bettor has now. The most that she ever had would be as safe a test, but it would never fall again."""
    return Evidence.of_wealth(account.bettor.e_gross if account else 1.0)


def _by_lift(models: int, low_weak: float, low_strong: float) -> Evidence:
    if models >= STRONG_MODELS_MIN and low_strong > 0:
        return Evidence.STRONG
    return Evidence.WEAK if models >= WEAK_MODELS_MIN and low_weak > 0 else Evidence.NONE


def _standard_error_of_sizes(cards: Sequence[Scorecard]) -> float:
    """Standard error of precision minus base rate if rows were worth their effective number.

    The difference is (share not flagged) × (precision of the flagged − precision of the others), two separate groups.
    """
    rows, flagged = sum(card.rows for card in cards), sum(card.flagged for card in cards)
    hits, positives = sum(card.hits for card in cards), sum(card.positives for card in cards)
    effective_flagged = sum(_effective_flagged(card) for card in cards)
    effective_others = sum(card.effective_rows for card in cards) - effective_flagged
    others = Proportion((positives - hits) / (rows - flagged), effective_others)
    variance = shrunk_variance(Proportion(hits / flagged, effective_flagged)) + shrunk_variance(others)
    return (1 - flagged / rows) * sqrt(variance)


def _effective_flagged(card: Scorecard) -> float:
    """Effective number of the flagged rows, as if they were a fair part."""
    return card.effective_rows * card.flagged / card.rows
