"""State changes of a training run, as people and the live view see them."""

from dataclasses import dataclass
from enum import IntEnum

from tidewheel.domain.models import Hyperparameters, PartMetrics, Scorecard


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
    """What a run ended with. Without a model `sha256` and `evidence` are empty, `validation` and `test` None."""

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
