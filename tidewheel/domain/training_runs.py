"""Where a run's events are folded into what is known of it: for the live view, the summary, the comparison, the report.

A crash repeats events. The first of each step counts, but published is published, and what was chosen is what the
search said last: a setting that comes to nothing on all rows gives way to another.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from tidewheel.domain.models import Scorecard
from tidewheel.domain.training import RunEvent, RunReason, RunResult, SplitSizes, Step, Trial
from tidewheel.domain.windows import Windowing


@dataclass(slots=True)
class TrainingRun:
    """One window's run as far as it has come. `first`: the first event of each step but TRIAL; `trial_events`: of
    each trial, by its number; `begun_times`: how often the run was begun, once or after a crash again."""

    seq: int
    first: dict[Step, RunEvent] = field(default_factory=dict)
    trial_events: dict[int, RunEvent] = field(default_factory=dict)
    begun_times: int = 0
    trials_planned: int = 0
    selected: Trial | None = None
    end_event: RunEvent | None = None
    window_closed_at_ns: int = 0
    first_example_seq: int = 0
    last_example_seq: int = 0

    @property
    def steps(self) -> set[Step]:
        """Those that have been taken."""
        return {*self.first, *([Step.TRIAL] if self.trial_events else ())}

    @property
    def end(self) -> Step | None:
        """The step that ended it, None while it goes on."""
        return self.end_event.step if self.end_event else None

    @property
    def ended_at_ns(self) -> int:
        """0 while it goes on."""
        return self.end_event.at_ns if self.end_event else 0

    @property
    def reason(self) -> str:
        """Why it ended without a served model, a word; empty for a published one."""
        return self.end_event.reason if self.end_event else ""

    @property
    def detail(self) -> str:
        """What the trainer says of the end, for people."""
        return self.end_event.detail if self.end_event else ""

    @property
    def result(self) -> RunResult | None:
        return self.end_event.result if self.end_event else None

    @property
    def trials(self) -> dict[int, Trial]:
        """By number, in the order in which they came."""
        return {number: event.trial for number, event in self.trial_events.items() if event.trial is not None}

    @property
    def split(self) -> SplitSizes | None:
        return self.first[Step.SPLIT].split if Step.SPLIT in self.first else None

    @property
    def gate_detail(self) -> str:
        return self.first[Step.GATE].detail if Step.GATE in self.first else ""

    @property
    def scorecard(self) -> Scorecard | None:
        """How its model did on the next window, None while that is open."""
        return self.first[Step.SCORED].scorecard if Step.SCORED in self.first else None

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
        """Take in a state change; returns whether its step, or its trial, was new."""
        self.begun_times += event.step is Step.WINDOW_CLOSED
        self.trials_planned = max(self.trials_planned, event.trials_planned or (event.trial.of if event.trial else 0))
        self.window_closed_at_ns = self.window_closed_at_ns or event.window_closed_at_ns
        self.first_example_seq = self.first_example_seq or event.first_example_seq
        self.last_example_seq = self.last_example_seq or event.last_example_seq
        if event.step is Step.SELECTED:
            self.selected = event.trial
        is_new = self._is_new(event)
        if is_new and event.step.verdict and (self.end_event is None or event.step is Step.PUBLISHED):
            self.end_event = event
        return is_new

    def _is_new(self, event: RunEvent) -> bool:
        if event.step is not Step.TRIAL:
            is_new = event.step not in self.first
            self.first.setdefault(event.step, event)
            return is_new
        if event.trial is None or event.trial.number in self.trial_events:
            return False
        self.trial_events[event.trial.number] = event
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
