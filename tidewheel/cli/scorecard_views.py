"""How models did on later rows, in words: one model's scorecard, and the pooled record. Pure."""

from collections.abc import Sequence

from tidewheel.domain.models import Baseline, CalibrationBin, Scorecard
from tidewheel.domain.prices import decimal_text
from tidewheel.evidence.json_objects import calibration_error
from tidewheel.evidence.pooled_scorecards import PooledScorecards, baseline_text
from tidewheel.presentation.numbers import NONE, number
from tidewheel.presentation.sentences import account_sentence


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


def calibration_text(bins: Sequence[CalibrationBin]) -> str:
    """Whether scores can be read as chances."""
    rows, error = sum(one.rows for one in bins), calibration_error(bins)
    if error is None:
        return NONE
    mean, came = (sum(column) / rows for column in ((b.score_sum for b in bins), (b.positives for b in bins)))
    return f"mean score {number(mean)} where {number(came)} were PROFIT; off by {number(error)} within tenths"


def pooled_lines(pooled: PooledScorecards) -> list[str]:
    """The pooled record, a sentence a line."""
    lines = pooled.text.split(". ")
    if pooled.calibration:
        lines.append(f"calibration: {calibration_text(pooled.calibration)}")
    return lines


def _baseline(counts: Baseline, rows: int) -> str:
    sampled = f", a sample of the {rows:,}" if counts.rows < rows else ""
    return baseline_text(counts).removeprefix("the online baseline ").removeprefix("has ") + sampled
