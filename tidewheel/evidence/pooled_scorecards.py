"""The pooled record of the last models on their next windows, as a value and in words."""

from dataclasses import dataclass

from tidewheel.domain.account import Account
from tidewheel.domain.models import Baseline, CalibrationBin, Evidence
from tidewheel.evidence.intervals import Interval
from tidewheel.presentation.numbers import money_an_order, number
from tidewheel.presentation.sentences import account_sentence

ANY_SHARE = Interval(0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class ProfitAndLoss:
    """Means in 1e-9 of the quote currency: an order flagged, an order of all, and the first minus the second."""

    flagged_e9: float
    order_e9: float
    difference_e9: Interval

    @property
    def text(self) -> str:
        own, every, low, high = (
            money_an_order(value)
            for value in (self.flagged_e9, self.order_e9, self.difference_e9.low, self.difference_e9.high)
        )
        return f"profit and loss {own} an order flagged against {every} an order (difference {low} to {high})"


@dataclass(frozen=True, slots=True)
class PooledScorecards:
    """Intervals are two-sided 95 %. `low_weak` and `low_strong` are lower bounds of `lift`.

    `evidence` is what the bettor's `account` says, and `by_lift` what the lift would say if nobody had looked before.
    `lift` is precision minus base rate. It and `pnl` are None where there is nothing to compare: fewer than two models,
    no flags, or nothing but flags. `baseline` counts over the scorecards that have one; None where none has.
    """

    models: int
    precision: Interval
    recall: float
    base_rate: Interval
    lift: Interval | None
    low_weak: float
    low_strong: float
    evidence: Evidence
    pnl: ProfitAndLoss | None = None
    calibration: tuple[CalibrationBin, ...] = ()
    baseline: Baseline | None = None
    by_lift: Evidence = Evidence.NONE
    account: Account | None = None

    @property
    def text(self) -> str:
        """One or two sentences for people."""
        if not self.models:
            return "no model has been judged on a next window yet"
        shares = f"precision {self.precision.text} at recall {number(self.recall)}, base rate {self.base_rate.text}"
        if self.lift:
            shares += f", difference {self.lift.signed_text}"
        others = [self.pnl.text] if self.pnl else []
        if self.baseline:
            others.append(baseline_text(self.baseline))
        whose = f"{self.models} models on their next windows" if self.models > 1 else "1 model on its next window"
        second = "; ".join(others)
        statement = f"evidence of an edge: {self.evidence}" + (
            f", {account_sentence(self.account)}" if self.account else ""
        )
        return f"{whose}: {shares}; {statement}" + (second and f". {second[0].upper()}{second[1:]}")


NO_SCORECARDS = PooledScorecards(0, ANY_SHARE, 0.0, ANY_SHARE, None, -1.0, -1.0, Evidence.NONE)


def baseline_text(counts: Baseline) -> str:
    """How the online baseline did, on the rows that it was shown."""
    base = (
        f"base rate {number(counts.positives / counts.rows)} of its {counts.rows:,} rows" if counts.rows else "no rows"
    )
    if not counts.flagged:
        return f"the online baseline flags nothing, {base}"
    precision = counts.hits / counts.flagged
    return f"the online baseline has precision {number(precision)} over {base}"
