"""One closed window -> a model, or the reason why there is none. Pure: no clock, no broker, no registry.

The same window with what it remembers, the same configuration and the same setting to start from give the same model
bytes: every seed comes from them, and nothing of the wall clock, of the served model or of evidence is in a model.
State changes are handed to `publish`, an `EventSink`, as they happen.

Nothing that a few minutes hold by chance keeps a window without a model. Where rows before the test part are too few,
or of one class, the search is made on all, and nothing is stated of the test part; where nothing can be held out there
is no search; where no setting keeps its recall on rows held out, or the best tells nothing apart once all rows train
it, the setting the search began with takes over.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from services.trainer.dataset.sample import Sample
from services.trainer.dataset.split import effective_sample_size
from services.trainer.modelling import assembly
from services.trainer.modelling.assembly import Candidate
from services.trainer.modelling.no_model import NoModelError
from services.trainer.modelling.refit import FittedModel, refit
from services.trainer.modelling.training_data import TrainingData, is_trainable, trainable_folds, training_data_of
from services.trainer.search import tuning
from services.trainer.search.config import TrainingConfig
from services.trainer.search.crossfit import Folds
from services.trainer.windows.count_windows import Window
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.models import Hyperparameters
from tidewheel.domain.training import RunEvent, RunReason, SplitSizes, Step, Trial

# Takes each event of a run as it happens; the shell's writes it to `training-runs`.
EventSink = Callable[[RunEvent], None]


@dataclass(frozen=True, slots=True)
class SearchStart:
    """What a run is given beside its rows: the setting its search defends first, None for the usual one, and who says
    that time is up."""

    setting: Hyperparameters | None = None
    out_of_time: Callable[[], bool] = lambda: False

    def to_lineage(self) -> str:
        """As the lineage has it; empty for the usual one."""
        return json.dumps(asdict(self.setting), sort_keys=True, separators=(",", ":")) if self.setting else ""

    @classmethod
    def from_lineage(cls, text: str) -> "SearchStart":
        """From the lineage. Raises TypeError or ValueError where it is none."""
        return cls(Hyperparameters(**json.loads(text)) if text else None)


DEFAULT_START = SearchStart()


def train_candidate(
    window: Window, config: TrainingConfig, publish: EventSink, search_start: SearchStart = DEFAULT_START
) -> Candidate:
    """Validate, split, search, and build the model of a window. Raises NoModelError."""
    pipeline = _Pipeline(window, config, publish, search_start)
    data = pipeline.cut()
    return pipeline.build_candidate(data, pipeline.search(data))


@dataclass(frozen=True, slots=True)
class SelectedSetting:
    """The setting to train with, and the one the search began with; how many trials were made, the winner as people see
    it, None where none was made, and a sentence."""

    setting: Hyperparameters
    first: Hyperparameters
    trials: int
    trial: Trial | None
    detail: str

    @classmethod
    def of(cls, selected: tuning.SearchResult, config: TrainingConfig) -> "SelectedSetting":
        """Of a search."""
        return cls(
            selected.winner.hyperparameters,
            selected.incumbent.hyperparameters,
            selected.trials,
            selected.winner.as_trial(selected.number, config.trials),
            f"trial {selected.number}: {selected.explanation}",
        )

    @classmethod
    def without_search(cls, first: Hyperparameters) -> "SelectedSetting":
        """Without a search."""
        return cls(first, first, 0, None, "nothing can be held out to search with, so the first setting is taken")

    def fallen_back(self) -> "SelectedSetting":
        """The first setting, in place of one that comes to nothing when all rows train it."""
        detail = "the winner tells no row from another once all rows train it; the first setting takes over"
        return replace(self, setting=self.first, trial=None, detail=detail)


@dataclass(frozen=True, slots=True, eq=False)
class _Pipeline:
    """The run's steps that people see."""

    window: Window
    config: TrainingConfig
    publish: EventSink
    search_start: SearchStart

    def seed(self, purpose: str) -> int:
        return self.config.seed_of(self.window.instrument, self.window.seq, purpose)

    def cut(self) -> TrainingData:
        """What the model is made of and judged on. Raises NoModelError where that allows none."""
        rows = self.window.rows
        data = training_data_of(self.window)
        effective = f"worth {effective_sample_size(rows):.1f} independent"
        detail = f"{len(rows):,} rows, {rows.label.mean():.1%} PROFIT, {effective}{_memory_detail(data)}"
        self._publish(Step.VALIDATED, detail)
        development = len(data.development)
        sizes = SplitSizes(development, development, len(data.test), data.purged, self.config.folds)
        detail = f"{development:,} rows train and validate in {sizes.folds} folds, {len(data.test):,} test"
        self._publish(Step.SPLIT, f"{detail}; {data.purged:,} purged", sizes=sizes)
        return data

    def search(self, data: TrainingData) -> SelectedSetting:
        """The best setting that the search finds; the first one where nothing can be held out to search with."""
        part, first = data.search_rows, self.search_start.setting or tuning.DEFAULT_SETTING
        cut = trainable_folds(part, self.config.folds)
        if not cut:
            selected_setting = SelectedSetting.without_search(replace(first, epochs=self.config.epochs))
        else:
            folds = Folds.of(part, cut, self.config, self.seed("rows"))
            label = part.label[folds.indices]
            search = tuning.Search(folds, label, self.config, self.seed("search"), first, self.search_start.out_of_time)
            selected = search.run(lambda trial: self._publish(Step.TRIAL, "", trial=trial))
            selected_setting = SelectedSetting.of(selected, self.config)
        self._publish(Step.SELECTED, selected_setting.detail, trial=selected_setting.trial)
        return selected_setting

    def build_candidate(self, data: TrainingData, selected_setting: SelectedSetting) -> Candidate:
        """The model that goes out, and the holdout model. Raises NoModelError where the first setting too comes to
        nothing."""
        whole = self._refit(data.whole, selected_setting)
        if whole is None and selected_setting.setting != selected_setting.first:
            selected_setting = selected_setting.fallen_back()
            self._publish(Step.SELECTED, selected_setting.detail)
            whole = self._refit(data.whole, selected_setting)
        if whole is None:
            raise NoModelError(RunReason.NO_FEASIBLE_TRIAL, "trained on all rows, the setting tells none from another")
        fitted_holdout = self._refit(data.development, selected_setting) if is_trainable(data.development) else None
        config = self.config.with_trials(selected_setting.trials)
        context = assembly.ModelContext(
            self.window, config, selected_setting.setting, self.search_start.to_lineage(), data
        )
        holdout_model = assembly.assemble(context, fitted_holdout, data.development) if fitted_holdout else None
        model = assembly.with_test_metrics(assembly.assemble(context, whole, data.whole), holdout_model, data.test)
        return Candidate(model, encode_model(model), holdout_model, data.test)

    def _refit(self, part: Sample, selected_setting: SelectedSetting) -> FittedModel | None:
        cut = trainable_folds(part, self.config.folds)
        return refit(part, cut, selected_setting.setting, self.config, self.seed("rows"))

    def _publish(self, step: Step, detail: str, *, trial: Trial | None = None, sizes: SplitSizes | None = None) -> None:
        self.publish(
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


def _memory_detail(data: TrainingData) -> str:
    """How much of what is remembered counts."""
    if not len(data.weights):
        return ""
    effective = f"worth {effective_sample_size(data.whole):.0f} independent in all"
    return f"; with {data.weights.sum():.1f} of {len(data.weights)} windows before it {effective}"
