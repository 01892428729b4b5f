"""The search: Optuna proposes, each proposal is tried with a neighbourhood of settings around it, in one pass.

Ten proposals are few for six ranges, and training sixteen settings side by side costs little more than training three.
So a trial stands for its proposal and `neighbours - 1` settings near it (the original algorithm's `num_models` did the
same); its result is the best of them. The first proposal is the incumbent, the next are at random, the rest by TPE.

Every setting is judged on rows held out, fold by fold, at thresholds those rows did not fit (see `evaluation`). The
incumbent is `DEFAULT_SETTING`, or with a warm start what the last model was made with. It is defended: another feasible
setting takes its place only if it leads by `LEAD_ERRORS_MIN` standard errors of the lead, on the same rows. A setting
below the recall floor on rows held out never takes it.

Proposals are asked for and told in pairs, always in the same order, so the search depends on its seed and the rows
only, never on timing. A limit of time ends it between two pairs; the number of trials made is part of the lineage.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import optuna

from services.trainer.dataset.rows import Labels
from services.trainer.learning.learner import balanced_weight
from services.trainer.search.config import TrainingConfig
from services.trainer.search.crossfit import Folds, out_of_fold
from services.trainer.search.evaluation import EvaluatedSetting, SettingEvaluator
from tidewheel.domain.models import Hyperparameters
from tidewheel.domain.training import Trial

optuna.logging.set_verbosity(optuna.logging.WARNING)

LEARNING_RATE = (1e-5, 1.0)
POSITIVE_WEIGHT = (1e-5, 1e4)
L1 = (1e-7, 1.0)
WD = (1e-7, 1.0)
MINI_BATCH = (100, 1000)
STARTUP_TRIALS = 4
# Gentle: far fewer independent labels than features. On markets with a planted edge rates from 1e-5 to 1e-3 do alike.
DEFAULT_SETTING = Hyperparameters(
    use_bias=True, l1=1e-4, learning_rate=1e-4, positive_example_weight_mult=1.0, wd=1e-4, mini_batch_size=300
)
# Half the width of a neighbourhood, in powers of ten, and steps that spread points evenly (roots of the plastic-number
# family, Roberts 2018): learning rate, positive weight, l1, wd.
HALF_WIDTHS = np.array([1.0, 0.5, 1.5, 1.5])
LOW_DISCREPANCY_STEPS = np.array([0.8566748838545029, 0.733891856627126, 0.6287067210378087, 0.5385972572236101])
# Of a hundred and sixty settings on pure chance, some lead by two errors; hardly any by three. On the zoo those that
# led by three did worse on next windows all the same (ADR 26).
LEAD_ERRORS_MIN = 5.0
STAGES = (1 / 3, 2 / 3, 1.0)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The search's winner and the setting it began with; the winner's trial, how many trials were made, and a sentence
    on the choice."""

    winner: EvaluatedSetting
    incumbent: EvaluatedSetting
    number: int
    trials: int
    explanation: str


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What a search is made on. `out_of_time` is asked between two pairs of trials."""

    folds: Folds
    label: Labels  # of the rows held out
    config: TrainingConfig
    seed: int
    start: Hyperparameters = DEFAULT_SETTING
    out_of_time: Callable[[], bool] = lambda: False

    def run(self, on_trial: Callable[[Trial], None]) -> SearchResult:
        """Run all trials and choose. `on_trial` is called as each ends."""
        config, study = self.config, _study(self.seed, self.start)
        evaluator = SettingEvaluator(self.label, self.folds.fold_of, config.criterion)
        evaluated_groups: list[list[EvaluatedSetting]] = []
        while len(evaluated_groups) < config.trials and not (evaluated_groups and self.out_of_time()):
            asked = [study.ask() for _ in range(min(config.at_once, config.trials - len(evaluated_groups)))]
            groups = [neighbourhood(_suggest(trial), config.neighbours) for trial in asked]
            evaluated = self._evaluate([self._as_configured(one) for group in groups for one in group], evaluator)
            for trial in asked:
                group, evaluated = evaluated[: config.neighbours], evaluated[config.neighbours :]
                best = max(group, key=_objective)
                study.tell(trial, best.objective)
                evaluated_groups.append(group)
                on_trial(best.as_trial(len(evaluated_groups), config.trials))
        return select_setting(evaluated_groups)

    def _evaluate(self, settings: list[Hyperparameters], evaluator: SettingEvaluator) -> list[EvaluatedSetting]:
        """Each setting, at its best stage."""
        config = self.config
        stages = sorted({max(1, round(share * config.epochs)) for share in STAGES}) if config.early_stopping else []
        stages = stages or [config.epochs]
        seen = out_of_fold(self.folds, settings, config, self.seed, stages)
        judged = [
            evaluator.evaluate([replace(one, epochs=epochs) for one in settings], scores)
            for epochs, scores in zip(stages, seen, strict=True)
        ]
        return [max(of_one, key=_objective) for of_one in zip(*reversed(judged), strict=True)]

    def _as_configured(self, setting: Hyperparameters) -> Hyperparameters:
        if not self.config.balanced:
            return setting
        return replace(setting, positive_example_weight_mult=balanced_weight(self.label))


def select_setting(evaluated_groups: list[list[EvaluatedSetting]]) -> SearchResult:
    """The incumbent, which is the very first, unless a feasible setting is shown better: feasible or not, it is what
    did best on markets that nobody searched on."""
    incumbent, trials = evaluated_groups[0][0], len(evaluated_groups)
    leads = [
        (one.merit - incumbent.merit - LEAD_ERRORS_MIN * one.lead_standard_error(incumbent), -number, one)
        for number, group in enumerate(evaluated_groups, start=1)
        for one in group
        if one.feasible and one is not incumbent
    ]
    lead, number, best = max(leads, key=lambda entry: entry[:2], default=(-np.inf, -1, incumbent))
    if lead > 0:
        explanation = f"{_rates_text(best)}, shown better than the setting the search began with"
        return SearchResult(best, incumbent, -number, trials, explanation)
    return SearchResult(incumbent, incumbent, 1, trials, f"{_rates_text(incumbent)}, as no other is shown better")


def neighbourhood(proposal: Hyperparameters, count: int) -> list[Hyperparameters]:
    """The proposal and `count - 1` settings near it, all within the ranges; its bias and mini-batch size are shared."""
    result = [proposal]
    for k in range(1, count):
        factors = 10.0 ** (HALF_WIDTHS * (2.0 * ((0.5 + k * LOW_DISCREPANCY_STEPS) % 1.0) - 1.0))
        result.append(
            replace(
                proposal,
                learning_rate=_within(LEARNING_RATE, proposal.learning_rate * factors[0]),
                positive_example_weight_mult=_within(
                    POSITIVE_WEIGHT, proposal.positive_example_weight_mult * factors[1]
                ),
                l1=_within(L1, proposal.l1 * factors[2]),
                wd=_within(WD, proposal.wd * factors[3]),
            )
        )
    return result


def _rates_text(evaluated: EvaluatedSetting) -> str:
    return f"precision {evaluated.precision:.3f} at recall {evaluated.recall:.3f} on rows held out"


def _objective(evaluated: EvaluatedSetting) -> float:
    return evaluated.objective


def _study(seed: int, start: Hyperparameters) -> optuna.Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(
        {
            "use_bias": start.use_bias,
            "l1": start.l1,
            "learning_rate": start.learning_rate,
            "positive_example_weight_mult": start.positive_example_weight_mult,
            "wd": start.wd,
            "mini_batch_size": start.mini_batch_size,
        }
    )
    return study


def _suggest(trial: optuna.Trial) -> Hyperparameters:
    return Hyperparameters(
        use_bias=bool(trial.suggest_categorical("use_bias", [True, False])),
        l1=trial.suggest_float("l1", *L1, log=True),
        learning_rate=trial.suggest_float("learning_rate", *LEARNING_RATE, log=True),
        positive_example_weight_mult=trial.suggest_float("positive_example_weight_mult", *POSITIVE_WEIGHT, log=True),
        wd=trial.suggest_float("wd", *WD, log=True),
        mini_batch_size=trial.suggest_int("mini_batch_size", *MINI_BATCH, log=True),
    )


def _within(bounds: tuple[float, float], value: float) -> float:
    """A value of a logarithmic range, mirrored at the end it passes."""
    low, high = bounds
    if value > high:
        value = high * high / value
    elif value < low:
        value = low * low / value
    return float(min(max(value, low), high))
