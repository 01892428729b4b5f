"""What the polling loop hands to the training thread, and what is known there of the run in hand."""

from dataclasses import dataclass

from services.trainer.modelling.assembly import Candidate
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import ReadingStarted, StoredWindow, Window
from tidewheel.domain.models import Evidence, Model, ModelRecord, Verdict
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import RunReason, RunResult, verdict_of

# Runs whose model is judged on its next window, kept back by a comparison or not: it is what the procedure makes.
JUDGED_REASONS = frozenset({None, RunReason.WORSE_THAN_SERVED, RunReason.NOT_PROVEN})
# Runs whose model goes to the registry: to serve, or as the candidate.
KEPT_REASONS = frozenset({None, RunReason.NOT_PROVEN})
# Runs that leave no record.
UNRECORDED_REASONS = frozenset({RunReason.STALE, RunReason.NOT_DUE})


@dataclass(frozen=True, slots=True, eq=False)
class ClosedWindow:
    """A closed window in hand, and the wall clock when the row that closed it was read."""

    window: Window
    at_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class TrainJob:
    """The same while it waits: its rows lie in scratch space. The polling loop frees them when it has ended."""

    window: StoredWindow
    at_ns: int

    @property
    def partition(self) -> int:
        return self.window.partition

    @property
    def first_offset(self) -> int:
        return self.window.first_offset

    @property
    def replay_offset(self) -> int:
        return self.window.replay_offset

    def load(self) -> ClosedWindow:
        return ClosedWindow(self.window.load(), self.at_ns)


@dataclass(frozen=True, slots=True)
class LostWindowsJob:
    """Windows that can never be made, since rows of them are missing. Read again from `first_offset`, they are missed
    again."""

    instrument: str
    partition: int
    first_offset: int
    seqs: range
    detail: str

    @property
    def replay_offset(self) -> int:
        return self.first_offset


@dataclass(frozen=True, slots=True)
class ReadingStartedJob:
    """Reading began in the middle, at `first_offset`; of the windows before, some may have no end."""

    started: ReadingStarted
    partition: int
    first_offset: int

    @property
    def replay_offset(self) -> int:
        return self.first_offset


Job = TrainJob | LostWindowsJob | ReadingStartedJob


@dataclass(slots=True)
class Run:
    """What is known of the run in hand. `reason` None: to be published. `rejected`: a record of the window
    that the log denies."""

    closed: ClosedWindow
    candidate: Candidate | None = None
    reason: RunReason | None = None
    detail: str = ""
    evidence: Evidence = Evidence.NONE
    tuning_from_ns: int = 0
    tuning_to_ns: int = 0
    rejected: ModelRecord | None = None

    @property
    def window(self) -> Window:
        return self.closed.window

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.reason)

    @property
    def tuning_s(self) -> float:
        return max(0, self.tuning_to_ns - self.tuning_from_ns) / NS_PER_S

    @property
    def is_noted(self) -> bool:
        """Whether its record is written without its model: where none is kept, or one was rejected."""
        return self.reason not in UNRECORDED_REASONS and (self.reason not in KEPT_REASONS or bool(self.rejected))

    @property
    def is_judged(self) -> bool:
        """Whether its model is judged on the next window."""
        return self.candidate is not None and self.reason in JUDGED_REASONS

    @property
    def awaits_scorecard(self) -> bool:
        """Whether its rows may be needed again after a crash: the model is judged, and lies in no registry."""
        return self.is_judged and self.reason not in KEPT_REASONS


def result_of(
    sha256: str,
    verdict: Verdict,
    weighed: Evidence,
    model: Model | None,
    waited_s: float,
    tuning_s: float = 0.0,
) -> RunResult:
    """What a run ended with; the waited time counts up to its verdict."""
    return RunResult(
        sha256=sha256,
        verdict=verdict,
        evidence=weighed if model else "",
        threshold=model.threshold if model else 0.0,
        base_rate=model.base_rate if model else 0.0,
        validation=model.validation if model and model.validation.rows else None,
        test=model.test if model and model.test.rows else None,
        trials=TrainingConfig.trials_in(model.lineage.training_config) if model else 0,
        tuning_s=tuning_s,
        window_closed_to_published_s=waited_s,
        lineage=model.lineage if model else None,
    )
