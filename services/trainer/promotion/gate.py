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

from services.trainer.dataset.rows import Rows
from services.trainer.dataset.split import effective_sample_size
from services.trainer.promotion.proof import Proof
from tidewheel.domain.models import Model, Scorer
from tidewheel.domain.training import RunReason
from tidewheel.evidence.intervals import Proportion, newcombe_difference
from tidewheel.presentation.numbers import number

LEVEL = 0.975  # of each bound: two-sided 95 %


class Promotion(StrEnum):
    """Which models are served."""

    FRESH = "fresh"
    PROVEN = "proven"


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The gate's decision: None where the model may be served, else the reason; and a sentence for people."""

    reason: RunReason | None
    detail: str


def decide(holdout_model: Model | None, served: Model | None, test: Rows) -> GateDecision:
    """Decide on a model by its holdout model on the test part. `served` is the model serving now, if any that
    verifies."""
    if holdout_model is None:
        return GateDecision(None, "too little was known before the test part to state anything of it")
    flags = Scorer.of(holdout_model).scores(test.features) >= holdout_model.threshold
    if not flags.any():
        return GateDecision(None, f"it flags nothing on the test part, whose base rate is {test.label.mean():.3f}")
    own = _precision(flags, test)
    detail = f"test precision {number(own.value)} over base rate {number(test.label.mean())}"
    if served is None:
        if flags.all():
            return GateDecision(None, f"{detail}; it flags all of the test part; none served to compare with")
        edge = newcombe_difference(own, _precision(~flags, test), LEVEL)
        return GateDecision(
            None, f"{detail}; flagged rows against the others {edge.signed_text}; none served to compare with"
        )
    others = Scorer.of(served).scores(test.features) >= served.threshold
    if not others.any():
        return GateDecision(None, f"{detail}; served model {served.seq} flags nothing there")
    other = _precision(others, test)
    compared = newcombe_difference(own, other, LEVEL)
    detail += f"; served model {served.seq} {number(other.value)} on the same rows, difference {compared.signed_text}"
    return GateDecision(RunReason.WORSE_THAN_SERVED if compared.high < 0 else None, detail)


def require_proof(proof: Proof, decision: GateDecision) -> GateDecision:
    """The decision under `proven`: what may be served is, once the procedure is shown better."""
    if decision.reason is not None:
        return decision
    return GateDecision(None if proof.better else RunReason.NOT_PROVEN, f"{decision.detail}; {proof.detail}")


def _precision(flags: NDArray[np.bool_], rows: Rows) -> Proportion:
    """Precision of some flags, of which there is one, with how many independent labels the flagged rows are worth."""
    flagged = rows.take(flags)
    return Proportion(float(flagged.label.mean()), effective_sample_size(flagged))
