"""Whether a model may be served, judged on the test part: rows that fitted neither its weights nor its threshold.

Some minutes of market hold 3 to 5 independent labels, often of one class, so what a model flags there is a statement
and refuses nothing. A comparison with the served model on the same rows has an interval from the effective sample size:
it is seldom conclusive, and refuses only what is conclusively worse. That is all `fresh` asks. `proven` asks besides
whether the procedure is shown better on later rows; see `proof`.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from services.trainer.intervals import Interval, Share, difference
from services.trainer.proof import Proof
from services.trainer.reasons import RunReason
from services.trainer.rows import Rows
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


def judge(twin: Model | None, served: Model | None, test: Rows) -> Ruling:
    """Judge a model by its twin on the test part. `served` is the model serving now, if any that verifies."""
    if twin is None:
        return Ruling(None, "too little was known before the test part to state anything of it")
    flags = Scorer.of(twin).scores(test.features) >= twin.threshold
    if not flags.any():
        return Ruling(None, f"it flags nothing on the test part, whose base rate is {test.label.mean():.3f}")
    own = _precision(flags, test)
    words = f"test precision {own.value:.3f} over base rate {test.label.mean():.3f}"
    if served is None:
        if flags.all():
            return Ruling(None, f"{words}; it flags all of the test part; none served to compare with")
        edge = difference(own, _precision(~flags, test), LEVEL)
        return Ruling(None, f"{words}; flagged rows against the others {_said(edge)}; none served to compare with")
    others = Scorer.of(served).scores(test.features) >= served.threshold
    if not others.any():
        return Ruling(None, f"{words}; served model {served.seq} flags nothing there")
    other = _precision(others, test)
    compared = difference(own, other, LEVEL)
    words += f"; served model {served.seq} {other.value:.3f} on the same rows, difference {_said(compared)}"
    return Ruling(RunReason.WORSE_THAN_SERVED if compared.high < 0 else None, words)


def held_to(proof: Proof, ruling: Ruling) -> Ruling:
    """The ruling under `proven`: what may be served is, once the procedure is shown better."""
    if ruling.reason is not None:
        return ruling
    return Ruling(None if proof.better else RunReason.NOT_PROVEN, f"{ruling.words}; {proof.words}")


def _precision(flags: NDArray[np.bool_], rows: Rows) -> Share:
    """Precision of some flags, of which there is one, with how many independent labels the flagged rows are worth."""
    flagged = rows.take(flags)
    return Share(float(flagged.label.mean()), effective_rows(flagged))


def _said(interval: Interval) -> str:
    return f"{interval.value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"
