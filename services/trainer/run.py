"""One closed window -> a model, or the reason why there is none. Pure: no clock, no broker, no registry.

The same window and configuration, and the same setting to start from, give the same model bytes: every seed comes from
them, and nothing of the wall clock, of the served model or of evidence is in a model. State changes are handed to
`emit` as they happen.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

from services.trainer import build, finish, tuning
from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.crossfit import Folds
from services.trainer.parts import Parts, check_classes, check_finite, parts_of, usable_folds
from services.trainer.reasons import NoModel
from services.trainer.rows import Rows
from services.trainer.split import effective_rows, in_placed_order, split
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.models import Hyperparameters, Model
from tidewheel.domain.training import RunEvent, SplitSizes, Step, Trial

Emit = Callable[[RunEvent], None]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model the gate has not seen yet; its twin, made without the test part, and the test part to judge that on."""

    model: Model
    model_bytes: bytes
    twin: Model
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
    selected = steps.search(parts)
    try:
        return steps.finish(parts, selected)
    except NoModel:
        if selected.tried is selected.incumbent or not selected.incumbent.feasible:
            raise
        return steps.finish(parts, steps.fall_back(selected))


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
        """The window's parts, after what makes any model of it impossible is ruled out. Raises NoModel."""
        rows = self.window.rows
        check_finite(rows)
        check_classes("the window", rows.label)
        worth = effective_rows(rows)
        self._say(Step.VALIDATED, f"{len(rows):,} rows, {rows.label.mean():.1%} PROFIT, worth {worth:.1f} independent")
        cut = split(rows)
        sizes = SplitSizes(len(cut.development), len(cut.development), len(cut.test), cut.purged, self.config.folds)
        words = f"{sizes.training:,} rows train and validate in {sizes.folds} folds, {sizes.test:,} test"
        self._say(Step.SPLIT, f"{words}; {sizes.purged:,} purged", sizes=sizes)
        return parts_of(rows, cut, self.config.folds)

    def search(self, parts: Parts) -> tuning.Selected:
        """The best setting that the search finds. Raises NoModel."""
        folds = Folds.of(parts.development, parts.folds, self.config, self.seed("rows"))
        search = tuning.Search(
            folds,
            parts.held_out_label,
            self.config,
            self.seed("search"),
            self.beginning.setting or tuning.FIRST,
            self.beginning.out_of_time,
        )
        selected = search.run(lambda trial: self._say(Step.TRIAL, "", trial=trial))
        winner = selected.tried.as_trial(selected.number, self.config.trials)
        self._say(Step.SELECTED, f"trial {selected.number}: {selected.how}", trial=winner)
        return selected

    def fall_back(self, selected: tuning.Selected) -> tuning.Selected:
        """The setting the search began with, in place of one that comes to nothing when all rows train it."""
        incumbent = selected.incumbent
        words = (
            f"trial {selected.number} tells no row from another once all rows train it; the first setting takes over"
        )
        self._say(Step.SELECTED, words, trial=incumbent.as_trial(1, self.config.trials))
        return replace(selected, tried=incumbent, number=1, how=words)

    def finish(self, parts: Parts, selected: tuning.Selected) -> Candidate:
        """The model that goes out, and its twin. Raises NoModel where one of them comes to nothing."""
        window, tried, seed = self.window, selected.tried, self.seed("rows")
        config = self.config.with_trials(selected.trials)
        about = (window, config, tried.hyperparameters, self.beginning.told())
        rows = window.rows.take(in_placed_order(window.rows))
        known = finish.finish(parts.development, tried.units, parts.held_out_label, tried, config, seed)
        full = finish.finish_on_all(rows, usable_folds(rows, config.folds), tried, config, seed)
        twin = build.build(*about, known, parts.development)
        model = build.tested(build.build(*about, full, rows), twin, parts.test)
        return Candidate(model, encode_model(model), twin, parts.test)

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
