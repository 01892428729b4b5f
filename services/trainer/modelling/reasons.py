"""Why a run ended without a served model: the closed set that metrics and dashboards may name."""

from enum import StrEnum

from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.models import Verdict


class RunReason(StrEnum):
    """The reasons a run can end with."""

    # The rows allow no model:
    NOT_FINITE = "not_finite"  # a feature is NaN or infinite
    ONE_CLASS = "one_class"  # the window and all that it remembers hold PROFIT only or LOSS only
    TOO_FEW_ROWS = "too_few_rows"  # too few to train on
    # The search found none:
    NO_FEASIBLE_TRIAL = "no_feasible_trial"  # trained on all rows no setting tells any from another
    # The gate keeps it back:
    WORSE_THAN_SERVED = "worse_than_served"  # conclusively, on the same rows
    NOT_PROVEN = "not_proven"  # promotion=proven, and the procedure not shown better: it is the candidate
    STALE = "stale"  # a newer model is served already
    # Not asked for:
    NOT_DUE = "not_due"  # an early window, and no drift since the last model
    # Something broke:
    TRAINING_ERROR = "training_error"
    ROWS_MISSING = "rows_missing"  # the topic has a gap inside the window


FAILURES = frozenset({RunReason.TRAINING_ERROR, RunReason.ROWS_MISSING})


def verdict_of(reason: RunReason | None) -> Verdict:
    """How a run with this reason ended; None is a published model."""
    if reason is None:
        return Verdict.PUBLISHED
    return Verdict.FAILED if reason in FAILURES else Verdict.REFUSED


class NoModelError(TidewheelError):
    """A run cannot have a model. `reason` is what is counted, the message is for people."""

    def __init__(self, reason: RunReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
