"""Whether a model may be served, judged on the test part: rows that fitted neither its weights nor its threshold.

A model that flags nothing, everything, or nothing right there is vacuous and never served. A comparison with the served
model on the same rows is a statement, with an interval from the effective sample size: five minutes of market hold some
3 to 5 independent labels, so it is seldom conclusive, and refuses only what is conclusively worse. That is all `fresh`
asks. `proven` asks besides whether the procedure is shown better on later rows; see `proof`.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from services.trainer.intervals import Interval, Share, difference
from services.trainer.proof import Proof
from services.trainer.reasons import RunReason
from services.trainer.rows import Labels, Rows
from services.trainer.split import effective_rows
from tidewheel.domain.models import Model, Scorer

LEVEL = 0.975  # of each bound: two-sided 95 %


class Promotion(StrEnum):
    """Which models are served."""

    FRESH = "fresh"
    PROVEN = "proven"


@dataclass(frozen=True, slots=True)
class Ruling:
    """The gate's word: None where the model may be served, else the reason; and a sentence for people."""

    reason: RunReason | None
    words: str


def judge(model: Model, served: Model | None, test: Rows) -> Ruling:
    """Judge a model on its test part. `served` is the model serving now, if any that verifies."""
    flags = Scorer.of(model).scores(test.features) >= model.threshold
    if fault := _vacuous(flags, test.label):
        return Ruling(RunReason.VACUOUS, f"on the test part it {fault}")
    own = _precision(flags, test)
    words = f"test precision {own.value:.3f} over base rate {test.label.mean():.3f}"
    if served is None:
        edge = difference(own, _precision(~flags, test), LEVEL)
        return Ruling(None, f"{words}; flagged rows against the others {_said(edge)}; none served to compare with")
    others = Scorer.of(served).scores(test.features) >= served.threshold
    other = _precision(others, test)
    compared = difference(own, other, LEVEL)
    words += f"; served model {served.seq} {other.value:.3f} on the same rows, difference {_said(compared)}"
    return Ruling(RunReason.WORSE_THAN_SERVED if compared.high < 0 else None, words)


def held_to(proof: Proof, ruling: Ruling) -> Ruling:
    """The ruling under `proven`: what may be served is, once the procedure is shown better."""
    if ruling.reason is not None:
        return ruling
    return Ruling(None if proof.better else RunReason.NOT_PROVEN, f"{ruling.words}; {proof.words}")


def _vacuous(flags: NDArray[np.bool_], labels: Labels) -> str:
    """Why a model says nothing, in words; empty where it says something."""
    if not flags.any():
        return "flags nothing"
    if flags.all():
        return "flags everything"
    return "" if labels[flags].any() else "flags no row that is PROFIT: recall 0"


def _precision(flags: NDArray[np.bool_], rows: Rows) -> Share:
    """Precision of some flags, with how many independent labels the flagged rows are worth."""
    flagged = rows.take(flags)
    return Share(float(flagged.label.mean()) if len(flagged) else 0.0, effective_rows(flagged))


def _said(interval: Interval) -> str:
    return f"{interval.value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"
