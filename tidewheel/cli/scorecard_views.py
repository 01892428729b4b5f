"""How models did on later rows, as facts and in words: one model's scorecard, and the pooled record. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from tidewheel.domain.account import Account
from tidewheel.domain.models import Baseline, CalibrationBin, Scorecard
from tidewheel.domain.prices import decimal_text
from tidewheel.evidence.pooled_scorecards import PooledScorecards, baseline_words
from tidewheel.presentation.numbers import NONE, number
from tidewheel.presentation.sentences import account_sentence


def scorecard_dict(card: Scorecard) -> dict[str, Any]:
    """A scorecard as JSON; its calibration as one figure."""
    return _with_derived(asdict(replace(card, account=None)), card.calibration, card.account)


def scorecard_fields(card: Scorecard) -> dict[str, str]:
    """A scorecard in words, a line a name."""
    words = {
        "rows": str(card.rows),
        "effective rows": number(card.effective_rows, 1),
        "base rate": number(card.base_rate),
        "flagged": f"{card.flagged}, of them {card.hits} PROFIT",
        "precision": number(card.precision),
        "recall": number(card.recall),
        "log loss": number(card.log_loss),
        "profit and loss": f"{decimal_text(card.flagged_pnl_e9)} on flagged rows, {decimal_text(card.pnl_e9)} on all",
    }
    if card.calibration:
        words["calibration"] = calibration_text(card.calibration)
    if card.account:
        words["bettor"] = account_sentence(card.account)
    if card.baseline:
        words["online baseline"] = _baseline(card.baseline, card.rows)
    return words


def baseline_precision(card: Scorecard | None) -> float | None:
    """Precision of the online baseline on a scorecard's rows; None where it flags none, or has not looked."""
    counts = card.baseline if card else None
    return counts.hits / counts.flagged if counts and counts.flagged else None


def calibration_error(bins: Sequence[CalibrationBin]) -> float | None:
    """How far, in the mean over rows, a score lies from the share of PROFIT in its tenth; None without rows."""
    rows = sum(one.rows for one in bins)
    return sum(abs(one.score_sum - one.positives) for one in bins) / rows if rows else None


def calibration_text(bins: Sequence[CalibrationBin]) -> str:
    """Whether scores can be read as chances."""
    rows, error = sum(one.rows for one in bins), calibration_error(bins)
    if error is None:
        return NONE
    mean, came = (sum(column) / rows for column in ((b.score_sum for b in bins), (b.positives for b in bins)))
    return f"mean score {number(mean)} where {number(came)} were PROFIT; off by {number(error)} within tenths"


def pooled_dict(pooled: PooledScorecards) -> dict[str, Any]:
    """The pooled record as JSON."""
    values = _with_derived(asdict(replace(pooled, account=None)), pooled.calibration, pooled.account)
    return {**values, "words": pooled.words}


def account_dict(account: Account) -> dict[str, Any]:
    """What the bettor has, against the bid and against the offer, and after how many bets."""
    bettor = account.bettor
    return {"e_gross": bettor.e_gross, "e_net": bettor.e_net, "bets": bettor.bets}


def pooled_lines(pooled: PooledScorecards) -> list[str]:
    """The pooled record, a sentence a line."""
    lines = pooled.words.split(". ")
    if pooled.calibration:
        lines.append(f"calibration: {calibration_text(pooled.calibration)}")
    return lines


def _with_derived(values: dict[str, Any], bins: Sequence[CalibrationBin], account: Account | None) -> dict[str, Any]:
    del values["calibration"], values["account"]
    kept = account and account_dict(account)
    return {**values, "calibration_error": calibration_error(bins), "wealth": kept}


def _baseline(counts: Baseline, rows: int) -> str:
    sampled = f", a sample of the {rows:,}" if counts.rows < rows else ""
    return baseline_words(counts).removeprefix("the online baseline ").removeprefix("has ") + sampled
