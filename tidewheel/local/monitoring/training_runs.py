"""What is known of the training runs of one instrument, from topic `training-runs`. Repeated events change nothing."""

from dataclasses import dataclass, field
from itertools import pairwise

from tidewheel.domain.models import Scorecard
from tidewheel.domain.training import RunEvent, RunReason, RunResult, SplitSizes, Step, Trial
from tidewheel.domain.windows import Windowing

ENDS = (Step.PUBLISHED, Step.REFUSED, Step.FAILED)


@dataclass(slots=True)
class TrainingRun:
    """One window's run as far as it has come. `reason`: a word; `detail`: the same for people."""

    seq: int
    steps: set[Step] = field(default_factory=set)
    trials: dict[int, Trial] = field(default_factory=dict)
    trials_planned: int = 0
    split: SplitSizes | None = None
    selected: Trial | None = None
    gate_detail: str = ""
    end: Step | None = None
    reason: str = ""
    detail: str = ""
    result: RunResult | None = None
    scorecard: Scorecard | None = None
    window_closed_at_ns: int = 0
    ended_at_ns: int = 0
    first_example_seq: int = 0
    last_example_seq: int = 0

    @property
    def published(self) -> bool:
        return self.end is Step.PUBLISHED

    @property
    def is_candidate(self) -> bool:
        """Not published, since not proven: its model is the candidate until a newer one is."""
        return self.end is Step.REFUSED and self.reason == RunReason.NOT_PROVEN

    @property
    def outcome(self) -> str:
        """How it ended, in a word; empty while it goes on."""
        return "candidate" if self.is_candidate else self.end.name.lower() if self.end else ""

    def on_event(self, event: RunEvent) -> bool:
        """Take in a state change; returns whether it was new."""
        if event.step is Step.TRIAL:
            if event.trial is None or event.trial.number in self.trials:
                return False
            self.trials[event.trial.number] = event.trial
        elif event.step in self.steps:
            return False
        self.steps.add(event.step)
        self.trials_planned = event.trials_planned or self.trials_planned or (event.trial.of if event.trial else 0)
        self.window_closed_at_ns = self.window_closed_at_ns or event.window_closed_at_ns
        self.first_example_seq = self.first_example_seq or event.first_example_seq
        self.last_example_seq = self.last_example_seq or event.last_example_seq
        self.split = event.split or self.split
        if event.step is Step.SELECTED:
            self.selected = event.trial
        elif event.step is Step.GATE:
            self.gate_detail = event.detail
        elif event.step is Step.SCORED:
            self.scorecard = event.scorecard
        elif event.step in ENDS and (self.end is None or event.step is Step.PUBLISHED):
            self.end, self.result, self.ended_at_ns = event.step, event.result, event.at_ns
            self.reason, self.detail = event.reason, event.detail
        return True


class TrainingRuns:
    """All runs of one instrument, by window number."""

    def __init__(self) -> None:
        self.by_seq: dict[int, TrainingRun] = {}

    def on_event(self, event: RunEvent) -> bool:
        """Take in a state change; returns whether it was new."""
        run = self.by_seq.get(event.seq)
        if run is None:
            run = self.by_seq[event.seq] = TrainingRun(event.seq)
        return run.on_event(event)

    def latest(self) -> TrainingRun | None:
        """The run that the newest window belongs to."""
        return self.by_seq[max(self.by_seq)] if self.by_seq else None

    def newest_published(self) -> TrainingRun | None:
        """The run whose model should be serving now."""
        published = [seq for seq, run in self.by_seq.items() if run.published]
        return self.by_seq[max(published)] if published else None

    def awaited(self, windows: int) -> list[int]:
        """Which of the first `windows` windows have not been published, refused or failed."""
        return [seq for seq in range(1, windows + 1) if (run := self.by_seq.get(seq)) is None or run.end is None]

    def windowing(self) -> Windowing | None:
        """Window size and step as the runs themselves tell them; a lone run is taken for the first of tumbling ones."""
        known = [run for _, run in sorted(self.by_seq.items()) if run.first_example_seq and run.last_example_seq]
        if not known:
            return None
        last = known[-1]
        size = last.last_example_seq - last.first_example_seq + 1
        gaps = [(b.last_example_seq - a.last_example_seq, b.seq - a.seq) for a, b in pairwise(known[-2:])]
        step = gaps[0][0] // gaps[0][1] if gaps else size
        return Windowing(size, step) if 0 < step <= size else None

    def recent(self, count: int) -> list[TrainingRun]:
        """The last runs that ended, newest first."""
        return [self.by_seq[seq] for seq in sorted(self.by_seq, reverse=True) if self.by_seq[seq].end][:count]
