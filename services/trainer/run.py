"""One closed window -> a model, or the reason why there is none. Pure: no clock, no broker, no registry.

The same window and configuration give the same model bytes: every seed comes from them, and nothing of the wall clock,
of the served model or of evidence is in a model. State changes are handed to `emit` as they happen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from services.trainer import learner, tuning
from services.trainer.build import build
from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.parts import Parts, check_classes, check_finite, parts_of
from services.trainer.rows import Rows
from services.trainer.split import effective_rows, split
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.models import Model
from tidewheel.domain.training import RunEvent, SplitSizes, Step, Trial

Emit = Callable[[RunEvent], None]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model the gate has not seen yet, and the rows it will be judged on."""

    model: Model
    model_bytes: bytes
    test: Rows

    @property
    def sha256(self) -> str:
        return sha256(self.model_bytes).hexdigest()


def make(window: Window, config: TrainingConfig, emit: Emit) -> Candidate:
    """Validate, split, search, and build the model of a window. Raises NoModel."""
    steps = _Steps(window, config, emit)
    parts = steps.cut()
    prepared = learner.prepare(parts.training.features, parts.training.label, steps.seed("rows"))
    selected = steps.search(prepared, parts)
    model = build(window, config, prepared.scaling, selected.tried, parts)
    return Candidate(model, encode_model(model), parts.test)


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """The run's steps that people see."""

    window: Window
    config: TrainingConfig
    emit: Emit

    def seed(self, purpose: str) -> int:
        return self.config.seed_of(self.window.instrument, self.window.seq, purpose)

    def cut(self) -> Parts:
        """The window's parts, after what makes any model of it impossible is ruled out. Raises NoModel."""
        rows = self.window.rows
        check_finite(rows)
        check_classes("the window", rows.label)
        worth = effective_rows(rows)
        self._say(Step.VALIDATED, f"{len(rows):,} rows, {rows.label.mean():.1%} PROFIT, worth {worth:.1f} independent")
        cut = split(rows)
        sizes = SplitSizes(len(cut.training), len(cut.validation), len(cut.test), cut.purged)
        words = f"{sizes.training:,} training, {sizes.validation:,} validation, {sizes.test:,} test rows"
        self._say(Step.SPLIT, f"{words}; {sizes.purged:,} purged", sizes=sizes)
        return parts_of(rows, cut)

    def search(self, prepared: learner.Prepared, parts: Parts) -> tuning.Selected:
        """The best setting that the search finds. Raises NoModel."""
        standardised = prepared.scaling.apply(parts.validation.features)
        selected = tuning.search(
            prepared,
            tuning.Calibration(standardised, parts.validation.label, parts.halves),
            self.config,
            self.seed("search"),
            lambda trial: self._say(Step.TRIAL, "", trial=trial),
        )
        winner = selected.tried.as_trial(selected.number, self.config.trials)
        self._say(Step.SELECTED, f"trial {selected.number}: {selected.how}", trial=winner)
        return selected

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
