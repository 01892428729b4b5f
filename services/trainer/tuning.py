"""The search: Optuna proposes, each proposal is tried with a neighbourhood of settings around it, in one pass.

Ten proposals are few for six ranges, and training sixteen settings side by side costs little more than training three.
So a trial stands for its proposal and `neighbours - 1` settings near it (the original algorithm's `num_models` did the
same); its result is the best of them. The first proposal is `FIRST`, the next ones at random, the rest by TPE.

Proposals are asked for and told in pairs, always in the same order, so the search depends on its seed and the rows
only, never on timing. A setting is judged by the precision of cross-fitted thresholds (see `threshold`) and feasible
when its recall on held-out rows reaches the floor and it does not flag everything there; AUC on the validation part
decides between equals. Where labels live so long that the purge leaves no two usable halves, AUC alone is the
objective: it fits no threshold, so it reuses no row. It also ranks the settings where not one is feasible, so that an
odd five minutes of market do not cost a window its model.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import optuna

from services.trainer import figures, learner, threshold
from services.trainer.config import TrainingConfig
from services.trainer.reasons import NoModel, RunReason
from services.trainer.rows import Float32, Index, Labels
from tidewheel.domain.models import Float64, Hyperparameters, sigmoid
from tidewheel.domain.training import Trial

optuna.logging.set_verbosity(optuna.logging.WARNING)

LEARNING_RATE = (1e-5, 1.0)
POSITIVE_WEIGHT = (1e-5, 1e4)
L1 = (1e-7, 1.0)
WD = (1e-7, 1.0)
MINI_BATCH = (100, 1000)
STARTUP_TRIALS = 4
FIRST = Hyperparameters(
    use_bias=True, l1=1e-4, learning_rate=1e-3, positive_example_weight_mult=1.0, wd=1e-4, mini_batch_size=300
)
# Half the width of a neighbourhood, in powers of ten, and steps that spread points evenly (roots of the plastic-number
# family, Roberts 2018): learning rate, positive weight, l1, wd.
REACH = np.array([1.0, 0.5, 1.5, 1.5])
SPREAD = np.array([0.8566748838545029, 0.733891856627126, 0.6287067210378087, 0.5385972572236101])
INFEASIBLE = 1.0  # taken off an infeasible setting's objective: it ranks below every feasible one


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The validation part: standardised rows, labels, and its two halves in time (None where they are of no use)."""

    standardised: Float32
    label: Labels
    halves: tuple[Index, Index] | None


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """One setting with what it reached. `ranking` is its AUC on the validation part."""

    hyperparameters: Hyperparameters
    weights: Float64
    bias: float
    threshold: float
    objective: float
    feasible: bool
    precision: float
    recall: float
    ranking: float

    def as_trial(self, number: int, of: int) -> Trial:
        return Trial(
            number,
            of,
            self.objective,
            self.feasible,
            self.precision,
            self.recall,
            self.threshold,
            self.hyperparameters,
        )


@dataclass(frozen=True, slots=True)
class Selected:
    """The search's winner, its trial's number, and a sentence on how it was chosen."""

    tried: Tried
    number: int
    how: str


def search(
    rows: learner.Prepared,
    calibration: Calibration,
    config: TrainingConfig,
    seed: int,
    on_trial: Callable[[Trial], None],
) -> Selected:
    """Run all trials and choose. `on_trial` is called as each ends. Raises NoModel where nothing can be chosen."""
    study = _study(seed)
    tried: list[Tried] = []
    while len(tried) < config.trials:
        asked = [study.ask() for _ in range(min(config.at_once, config.trials - len(tried)))]
        groups = [neighbourhood(_suggest(trial), config.neighbours) for trial in asked]
        everything = [setting for group in groups for setting in group]
        fits = learner.train(rows, everything, seed, config.epochs, config.update)
        judged = judge(fits, everything, calibration, config.recall_min)
        for trial, group in zip(asked, groups, strict=True):
            best = max((judged.pop(0) for _ in group), key=_merit)
            study.tell(trial, best.objective)
            tried.append(best)
            on_trial(best.as_trial(len(tried), config.trials))
    return _choose(tried, calibration)


def judge(
    fits: learner.Fits, settings: Iterable[Hyperparameters], calibration: Calibration, recall_min: float
) -> list[Tried]:
    """What each trained setting reaches on the validation part."""
    scores = sigmoid(fits.logits(calibration.standardised))
    label = calibration.label
    usable = fits.finite & (np.ptp(scores, axis=0) > 0)
    ranking = np.array([figures.auc(column, label) for column in scores.T]) * usable
    fitted = threshold.fit(scores, label, recall_min)
    if calibration.halves is None:
        held_out = threshold.HeldOut(fitted.precision, fitted.recall, (scores >= fitted.threshold).mean(axis=0))
        feasible, merit = usable & (held_out.share < 1.0), ranking
    else:
        held_out = threshold.cross_fit(scores, label, calibration.halves, recall_min)
        feasible = usable & (held_out.share < 1.0) & (held_out.recall >= recall_min)
        merit = held_out.precision
    objective = np.where(feasible, merit, ranking - INFEASIBLE)
    return [
        Tried(
            hyperparameters=setting,
            weights=fits.weights[:, k].astype(np.float64),
            bias=float(fits.bias[k]),
            threshold=float(fitted.threshold[k]),
            objective=float(objective[k]),
            feasible=bool(feasible[k]),
            precision=float(held_out.precision[k]),
            recall=float(held_out.recall[k]),
            ranking=float(ranking[k]),
        )
        for k, setting in enumerate(settings)
    ]


def neighbourhood(proposal: Hyperparameters, count: int) -> list[Hyperparameters]:
    """The proposal and `count - 1` settings near it, all within the ranges; its bias and mini-batch size are shared."""
    result = [proposal]
    for k in range(1, count):
        factors = 10.0 ** (REACH * (2.0 * ((0.5 + k * SPREAD) % 1.0) - 1.0))
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


def _choose(tried: list[Tried], calibration: Calibration) -> Selected:
    """The trial with most merit; the earlier of equals."""
    best = max(tried, key=_merit)
    number = tried.index(best) + 1
    ranked = f"AUC {best.ranking:.3f} on the validation part"
    if best.ranking <= 0.0:
        raise NoModel(RunReason.NO_FEASIBLE_TRIAL, f"none of {len(tried)} trials tells one row from another")
    if calibration.halves is None:
        return Selected(best, number, f"{ranked}, as labels live too long to hold out half of it")
    if not best.feasible:
        return Selected(best, number, f"{ranked}, as no trial keeps its recall on rows held out")
    words = f"precision {best.precision:.3f} at recall {best.recall:.3f} on rows its threshold was not fitted on"
    return Selected(best, number, words)


def _merit(tried: Tried) -> tuple[float, float]:
    return tried.objective, tried.ranking


def _study(seed: int) -> optuna.Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(
        {
            "use_bias": FIRST.use_bias,
            "l1": FIRST.l1,
            "learning_rate": FIRST.learning_rate,
            "positive_example_weight_mult": FIRST.positive_example_weight_mult,
            "wd": FIRST.wd,
            "mini_batch_size": FIRST.mini_batch_size,
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
