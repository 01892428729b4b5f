"""State changes of a training run, as people and the live view see them."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from tidewheel.domain.models import Hyperparameters, Lineage, PartMetrics, Scorecard, Verdict


class Step(IntEnum):
    """Where a run stands; the last three of a run's own steps end it, SCORED comes a window later."""

    WINDOW_CLOSED = 1
    VALIDATED = 2
    SPLIT = 3
    TRIAL = 4
    SELECTED = 5
    GATE = 6
    PUBLISHED = 7
    REFUSED = 8
    FAILED = 9
    SCORED = 10

    @classmethod
    def of_verdict(cls, verdict: Verdict) -> "Step":
        """The step that ends a run so."""
        return cls[verdict.name]

    @property
    def verdict(self) -> Verdict | None:
        """How a run ends by this step; None where it does not."""
        return Verdict.__members__.get(self.name)


class RunReason(StrEnum):
    """Why a run ended without a served model: the closed set that metrics and dashboards may name."""

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


@dataclass(frozen=True, slots=True)
class Trial:
    """One proposal of the search and what it reached; `number` counts from 1. `threshold_z`: in standard deviations of
    the setting's logits over its training rows, off their mean."""

    number: int
    of: int
    objective: float
    feasible: bool
    precision: float
    recall: float
    threshold_z: float
    hyperparameters: Hyperparameters


@dataclass(frozen=True, slots=True)
class SplitSizes:
    """Rows of each part after the purge, and the rows purged. With `folds`, training and validation are the same rows,
    which do both in turn."""

    training: int
    validation: int
    test: int
    purged: int
    folds: int = 0


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run ended with. Without a model `sha256` and `evidence` are empty, and `validation`, `test` and `lineage`
    None. With its lineage on the log, a model can be made again that the registry has lost."""

    sha256: str
    verdict: str
    evidence: str
    threshold: float
    base_rate: float
    validation: PartMetrics | None
    test: PartMetrics | None
    trials: int
    tuning_s: float
    window_closed_to_published_s: float
    lineage: Lineage | None = None


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One state change of the run for window `seq`; fields a step does not speak of keep their defaults."""

    instrument: str
    seq: int
    step: Step
    at_ns: int
    reason: str = ""
    detail: str = ""
    trial: Trial | None = None
    split: SplitSizes | None = None
    result: RunResult | None = None
    scorecard: Scorecard | None = None
    first_example_seq: int = 0
    last_example_seq: int = 0
    trials_planned: int = 0
    window_closed_at_ns: int = 0
