"""A run, a scorecard and the pooled record as JSON objects: the same wherever a program reads of them."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

from tidewheel.domain.account import Account
from tidewheel.domain.models import CalibrationBin, PartMetrics, Scorecard
from tidewheel.evidence.pooled_scorecards import PooledScorecards

JsonObject = dict[str, Any]


class ModelFigures(Protocol):
    """What a model, and the result of the run that made it, both know."""

    @property
    def threshold(self) -> float: ...
    @property
    def base_rate(self) -> float: ...
    @property
    def validation(self) -> PartMetrics | None: ...
    @property
    def test(self) -> PartMetrics | None: ...


def run_object(
    seq: int,
    sha256: str,
    verdict: str,
    reason: str,
    evidence: str,
    model: ModelFigures | None,
    scorecard: Scorecard | None,
) -> JsonObject:
    """How a training run ended and how its model did; figures are None where no model is known."""
    return {
        "seq": seq,
        "sha256": sha256,
        "verdict": verdict,
        "reason": reason,
        "evidence": evidence,
        "threshold": finite(model.threshold) if model else None,
        "base_rate": finite(model.base_rate) if model else None,
        "validation": part_object(model.validation) if model else None,
        "test": part_object(model.test) if model else None,
        "next": scorecard_object(scorecard) if scorecard else None,
    }


def part_object(part: PartMetrics | None) -> JsonObject | None:
    """A part's figures; what is only of use drawn is left out."""
    return None if part is None else {name: finite(value) for name, value in part.named().items()}


def scorecard_object(card: Scorecard) -> JsonObject:
    """A scorecard; its calibration as one figure."""
    return _with_derived(asdict(replace(card, account=None)), card.calibration, card.account)


def pooled_object(pooled: PooledScorecards) -> JsonObject:
    """The pooled record."""
    values = _with_derived(asdict(replace(pooled, account=None)), pooled.calibration, pooled.account)
    return {**values, "text": pooled.text}


def calibration_error(bins: Sequence[CalibrationBin]) -> float | None:
    """How far, in the mean over rows, a score lies from the share of PROFIT in its tenth; None without rows."""
    rows = sum(one.rows for one in bins)
    return sum(abs(one.score_sum - one.positives) for one in bins) / rows if rows else None


def finite(value: Any) -> Any:
    """None for each number that JSON cannot say: infinity and NaN."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_derived(values: JsonObject, bins: Sequence[CalibrationBin], account: Account | None) -> JsonObject:
    del values["calibration"], values["account"]
    derived = {"calibration_error": calibration_error(bins), "wealth": account and _wealth(account)}
    return {name: finite(value) for name, value in {**values, **derived}.items()}


def _wealth(account: Account) -> JsonObject:
    """What the bettor has, against the bid and against the offer, and after how many bets."""
    bettor = account.bettor
    return {"e_gross": bettor.e_gross, "e_net": bettor.e_net, "bets": bettor.bets}
