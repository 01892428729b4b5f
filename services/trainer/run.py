"""One closed window -> a model, or the reason why there is none. Pure: no clock, no broker, no registry.

The same window with what it remembers, the same configuration and the same setting to start from give the same model
bytes: every seed comes from them, and nothing of the wall clock, of the served model or of evidence is in a model.
State changes are handed to `emit` as they happen.

Nothing that a few minutes hold by chance keeps a window without a model. Where rows before the test part are too few,
or of one class, the search is made on all, and nothing is stated of the test part; where nothing can be held out there
is no search; where no setting keeps its recall on rows held out, or the best tells nothing apart once all rows train
it, the setting the search began with takes over.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

from services.trainer import build, tuning
from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.crossfit import Folds
from services.trainer.finish import Finished, finish
from services.trainer.parts import Parts, parts_of, usable, usable_folds
from services.trainer.reasons import NoModel, RunReason
from services.trainer.rows import Rows
from services.trainer.sample import Sample
from services.trainer.split import effective_rows
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.models import Hyperparameters, Model
from tidewheel.domain.training import RunEvent, SplitSizes, Step, Trial

Emit = Callable[[RunEvent], None]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model the gate has not seen yet; its twin, made without the test part, and the test part to judge that on. No
    twin where what came before that part allows none."""

    model: Model
    model_bytes: bytes
    twin: Model | None
    test: Rows

    @property
    def sha256(self) -> str:
        return sha256(self.model_bytes).hexdigest()


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a run is given beside its rows: the setting its search defends first, None for the usual one, and who says
    that time is up."""

    setting: Hyperparameters | None = None
    out_of_time: Callable[[], bool] = lambda: False

    def told(self) -> str:
        """As the lineage tells it; empty for the usual one."""
        return json.dumps(asdict(self.setting), sort_keys=True, separators=(",", ":")) if self.setting else ""

    @classmethod
    def of(cls, told: str) -> "Beginning":
        """From the lineage. Raises TypeError or ValueError where it is none."""
        return cls(Hyperparameters(**json.loads(told)) if told else None)


USUAL = Beginning()


def make(window: Window, config: TrainingConfig, emit: Emit, beginning: Beginning = USUAL) -> Candidate:
    """Validate, split, search, and build the model of a window. Raises NoModel."""
    steps = _Steps(window, config, emit, beginning)
    parts = steps.cut()
    return steps.finish(parts, steps.search(parts))


@dataclass(frozen=True, slots=True)
class Choice:
    """The setting to train with, and the one the search began with; how many trials were made, the winner as people see
    it, None where none was made, and a sentence."""

    setting: Hyperparameters
    first: Hyperparameters
    trials: int
    trial: Trial | None
    words: str

    @classmethod
    def of(cls, selected: tuning.Selected, config: TrainingConfig) -> "Choice":
        """Of a search."""
        return cls(
            selected.tried.hyperparameters,
            selected.incumbent.hyperparameters,
            selected.trials,
            selected.tried.as_trial(selected.number, config.trials),
            f"trial {selected.number}: {selected.how}",
        )

    @classmethod
    def untried(cls, first: Hyperparameters) -> "Choice":
        """Without a search."""
        return cls(first, first, 0, None, "nothing can be held out to search with, so the first setting is taken")

    def fallen_back(self) -> "Choice":
        """The first setting, in place of one that comes to nothing when all rows train it."""
        words = "the winner tells no row from another once all rows train it; the first setting takes over"
        return replace(self, setting=self.first, trial=None, words=words)


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """The run's steps that people see."""

    window: Window
    config: TrainingConfig
    emit: Emit
    beginning: Beginning

    def seed(self, purpose: str) -> int:
        return self.config.seed_of(self.window.instrument, self.window.seq, purpose)

    def cut(self) -> Parts:
        """What the model is made of and judged on. Raises NoModel where that allows none."""
        rows = self.window.rows
        parts = parts_of(self.window)
        worth = f"worth {effective_rows(rows):.1f} independent"
        self._say(Step.VALIDATED, f"{len(rows):,} rows, {rows.label.mean():.1%} PROFIT, {worth}{_said(parts)}")
        known = len(parts.known)
        sizes = SplitSizes(known, known, len(parts.test), parts.purged, self.config.folds)
        words = f"{known:,} rows train and validate in {sizes.folds} folds, {len(parts.test):,} test"
        self._say(Step.SPLIT, f"{words}; {parts.purged:,} purged", sizes=sizes)
        return parts

    def search(self, parts: Parts) -> Choice:
        """The best setting that the search finds; the first one where nothing can be held out to search with."""
        part, first = parts.developed_on, self.beginning.setting or tuning.FIRST
        cut = usable_folds(part, self.config.folds)
        if not cut:
            choice = Choice.untried(replace(first, epochs=self.config.epochs))
        else:
            folds = Folds.of(part, cut, self.config, self.seed("rows"))
            label = part.label[folds.places]
            search = tuning.Search(folds, label, self.config, self.seed("search"), first, self.beginning.out_of_time)
            selected = search.run(lambda trial: self._say(Step.TRIAL, "", trial=trial))
            choice = Choice.of(selected, self.config)
        self._say(Step.SELECTED, choice.words, trial=choice.trial)
        return choice

    def finish(self, parts: Parts, choice: Choice) -> Candidate:
        """The model that goes out, and its twin. Raises NoModel where the first setting too comes to nothing."""
        whole = self._finished(parts.whole, choice)
        if whole is None and choice.setting != choice.first:
            choice = choice.fallen_back()
            self._say(Step.SELECTED, choice.words)
            whole = self._finished(parts.whole, choice)
        if whole is None:
            raise NoModel(RunReason.NO_FEASIBLE_TRIAL, "trained on all rows, the setting tells none from another")
        known = self._finished(parts.known, choice) if usable(parts.known) else None
        config = self.config.with_trials(choice.trials)
        about = build.About(self.window, config, choice.setting, self.beginning.told(), parts)
        twin = build.build(about, known, parts.known) if known else None
        model = build.tested(build.build(about, whole, parts.whole), twin, parts.test)
        return Candidate(model, encode_model(model), twin, parts.test)

    def _finished(self, part: Sample, choice: Choice) -> Finished | None:
        cut = usable_folds(part, self.config.folds)
        return finish(part, cut, choice.setting, self.config, self.seed("rows"))

    def _say(self, step: Step, detail: str, *, trial: Trial | None = None, sizes: SplitSizes | None = None) -> None:
        self.emit(
            RunEvent(
                self.window.instrument,
                self.window.seq,
                step,
                at_ns=0,
                detail=detail,
                trial=trial,
                split=sizes,
                trials_planned=self.config.trials,
            )
        )


def _said(parts: Parts) -> str:
    """How much of what is remembered counts."""
    if not len(parts.weights):
        return ""
    worth = f"worth {effective_rows(parts.whole):.0f} independent in all"
    return f"; with {parts.weights.sum():.1f} of {len(parts.weights)} windows before it {worth}"
