"""What is known of one run, put together from its two sources: the events on the log and what the registry keeps.

Either may be missing: events expire, a registry is emptied, a refused run leaves no model. What one lacks the other
tells where it can, and `gaps` says in sentences what neither does.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tidewheel.domain.models import Evidence, Model, ModelRecord, PartMetrics, Scorecard, Verdict
from tidewheel.domain.training import RunEvent, RunResult, SplitSizes, Step, Trial
from tidewheel.domain.training_runs import TrainingRun


@dataclass(frozen=True, slots=True)
class EvidenceSummary:
    """The evidence for the procedure that made a model: `evidence` with the sentence that goes with it."""

    evidence: Evidence
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class RunSources:
    """What was found of a run. `log_error`, `registry_error`, `model_error`: why nothing was, a sentence each; empty
    where there was none. `serving`: what the model does now. `before`: evidence of the models before this
    one, `now`: of all there are; None where no registry tells."""

    instrument: str
    seq: int
    made_at_ns: int
    events: tuple[RunEvent, ...] = ()
    record: ModelRecord | None = None
    model: Model | None = None
    log_error: str = ""
    registry_error: str = ""
    model_error: str = ""
    serving: str = ""
    before: EvidenceSummary | None = None
    now: EvidenceSummary | None = None


class RunReport:
    """The run as its events tell it, and beside it what the registry adds."""

    def __init__(self, sources: RunSources) -> None:
        self.sources = sources
        self.run = TrainingRun(sources.seq)
        for event in sources.events:
            self.run.on_event(event)

    @property
    def first(self) -> dict[Step, RunEvent]:
        """The first event of each step but TRIAL."""
        return self.run.first

    @property
    def trial_events(self) -> dict[int, RunEvent]:
        """The first event of each trial, by its number."""
        return self.run.trial_events

    @property
    def model(self) -> Model | None:
        return self.sources.model

    @property
    def record(self) -> ModelRecord | None:
        return self.sources.record

    @property
    def end(self) -> RunEvent | None:
        """The event that ended the run."""
        return self.run.end_event

    @property
    def result(self) -> RunResult | None:
        return self.run.result

    @property
    def verdict(self) -> Verdict | None:
        """How the run ended, None while it goes on. The registry is changed last, and a refused model may have been
        promoted since: where both tell, its word counts."""
        if self.record is not None:
            return self.record.verdict
        return self.end.step.verdict if self.end else None

    @property
    def reason(self) -> str:
        """The reason as it is counted; empty for a published model."""
        if self.record is not None:
            return self.record.reason
        return self.run.reason

    @property
    def detail(self) -> str:
        """What the trainer says of the end, a sentence; known from the log only."""
        return self.end.detail if self.end and self.end.step.verdict is self.verdict else ""

    @property
    def evidence(self) -> str:
        """Evidence as it was stated with this model."""
        if self.record is not None:
            return self.record.evidence if self.record.sha256 else ""
        return self.result.evidence if self.result else ""

    @property
    def sha256(self) -> str:
        return self.record.sha256 if self.record else self.result.sha256 if self.result else ""

    @property
    def split(self) -> SplitSizes | None:
        return self.run.split

    @property
    def trials(self) -> list[Trial]:
        """Trials in the order of their numbers."""
        return [trial for _, trial in sorted(self.run.trials.items())]

    @property
    def trials_planned(self) -> int:
        return max(self.run.trials_planned, len(self.trial_events))

    @property
    def selected(self) -> Trial | None:
        """The trial that was chosen, if one was."""
        return self.run.selected

    @property
    def scorecard(self) -> Scorecard | None:
        """How the model did on its next window, None while that is open."""
        if self.record is not None and self.record.scorecard is not None:
            return self.record.scorecard
        return self.run.scorecard

    @property
    def parts(self) -> dict[str, PartMetrics]:
        """Figures of the parts of the window, of the model's or as the closing event told them."""
        found: Model | RunResult | None = self.model or self.result
        parts = {"validation": found.validation, "test": found.test} if found else {}
        return {name: part for name, part in parts.items() if part is not None and part.rows}

    @property
    def threshold(self) -> float | None:
        found = self.model or self.result
        return found.threshold if found and self.parts else None

    @property
    def examples(self) -> tuple[int, int] | None:
        """First and last `example_seq` of the window."""
        if self.model is not None:
            return self.model.lineage.first_example_seq, self.model.lineage.last_example_seq
        return (self.run.first_example_seq, self.run.last_example_seq) if self.run.last_example_seq else None

    @property
    def closed_at_ns(self) -> int:
        """When the window closed, 0 where that is not known."""
        return self.run.window_closed_at_ns

    @property
    def ended_at_ns(self) -> int:
        return self.run.ended_at_ns if self.end else self.record.published_at_ns if self.record else 0

    @property
    def recall_min(self) -> float | None:
        """The recall floor, as the model's configuration has it."""
        criterion = self.config.get("criterion")
        value = criterion.get("recall_min") if isinstance(criterion, dict) else None
        return float(value) if isinstance(value, int | float) else None

    @property
    def config(self) -> dict[str, Any]:
        """The training configuration; empty where it is not known."""
        try:
            found = json.loads(self.model.lineage.training_config) if self.model else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def gaps(self) -> Iterator[str]:
        """What is missing, what was begun twice, what does not agree: a sentence each."""
        sources = self.sources
        yield from filter(None, (sources.log_error, sources.registry_error, sources.model_error))
        if (begun := self.run.begun_times) > 1:
            yield f"The run was begun {begun} times, as after a crash; each step is shown at its first time."
        if sources.events and not self.first.get(Step.WINDOW_CLOSED) and self.closed_at_ns:
            yield "The log no longer holds the first events of this run."
        if self.end and self.verdict and self.end.step.verdict is not self.verdict:
            found = self.end.step.name.lower()
            yield f"The log says {found}, the registry says {self.verdict}: the registry's word is shown."
