"""How good settings are on rows they had not seen, and whether one is shown better than another.

A window is worth some twenty independent labels, and a hundred and sixty settings are tried on it: the best of them by
its figure is best by chance, and on later rows worse than a moderate setting nobody searched for (ADR 23). So figures
come with an error, that of a jackknife over pieces of time: neighbouring rows share their future, pieces hardly do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer import figures
from services.trainer.criteria import Counts, Criterion, Goal, Numbers
from services.trainer.crossfit import OutOfFold
from services.trainer.platt import curve_of
from services.trainer.rows import Labels
from services.trainer.threshold import AIMS, Flags, Ranking, aimed
from tidewheel.domain.models import Float64, Hyperparameters
from tidewheel.domain.training import Trial

PIECES = 20
# Whoever flags more than three of four rows of a fold picks nothing out.
FLAGGED_MAX = 0.75
INFEASIBLE = 1.0  # taken off an infeasible setting's objective: it ranks below every feasible one


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """One setting and what it reached on rows held out. `aim`: what its threshold aims at, in times of the floor.

    `units`: those rows' scores out of fold. `without`: its merit with each piece of time left out.
    """

    hyperparameters: Hyperparameters
    aim: float
    threshold_units: float
    merit: float
    feasible: bool
    precision: float
    recall: float
    units: Float64
    without: Float64

    @property
    def objective(self) -> float:
        return self.merit if self.feasible else self.merit - INFEASIBLE

    def error_of_lead(self, other: "Tried") -> float:
        """Standard error of the difference in merit on the same rows (jackknife: Efron and Stein 1981)."""
        apart = self.without - other.without
        return float(np.sqrt((len(apart) - 1) / len(apart) * ((apart - apart.mean()) ** 2).sum()))

    def as_trial(self, number: int, of: int) -> Trial:
        return Trial(
            *(number, of, self.objective, self.feasible, self.precision, self.recall),
            *(self.threshold_units, self.hyperparameters),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """What settings are judged by: the labels of the rows held out, by placed time, their folds, and the criterion."""

    label: Labels
    fold_of: NDArray[np.intp]
    criterion: Criterion

    def judge(self, settings: Sequence[Hyperparameters], seen: OutOfFold) -> list[Tried]:
        """Each setting at the first aim that keeps the criterion on rows held out. Where none does it is not feasible,
        and its figures are those of the first."""
        ranking = Ranking.of(seen.units, self.label)
        tried = self._at(AIMS[0], settings, seen, ranking)
        for aim in AIMS[1:]:
            failing = np.array([k for k, one in enumerate(tried) if not one.feasible and seen.alive[k]], dtype=np.intp)
            if not len(failing):
                break
            again = self._at(aim, [settings[k] for k in failing], seen.take(failing), ranking.take(failing))
            for k, one in zip(failing.tolist(), again, strict=True):
                tried[k] = one if one.feasible else tried[k]
        return tried

    def _at(self, aim: float, settings: Sequence[Hyperparameters], seen: OutOfFold, ranking: Ranking) -> list[Tried]:
        fitting = aimed(self.criterion, aim)
        flags = ranking.cross_fit(self.fold_of, fitting)
        pieces = self._counts(flags, seen.units)
        whole = pieces.map(lambda counts: counts.sum(axis=-1))
        without = self.criterion.merit(pieces.map(lambda counts: counts.sum(axis=-1, keepdims=True) - counts))
        feasible = seen.alive & self._usable(flags) & self.criterion.met(whole)
        merits, thresholds = self.criterion.merit(whole), ranking.threshold(fitting)
        return [
            Tried(
                setting,
                aim,
                threshold_units=float(thresholds[k]),
                merit=float(merits[k]),
                feasible=bool(feasible[k]),
                precision=float(whole.precision[k]),
                recall=float(whole.recall[k]),
                units=seen.units[k],
                without=without[k],
            )
            for k, setting in enumerate(settings)
        ]

    def _usable(self, flags: Flags) -> NDArray[np.bool_]:
        """Which settings do not flag most rows of a fold."""
        shares = np.array([flags[:, self.fold_of == fold].mean(axis=1) for fold in np.unique(self.fold_of)])
        return np.asarray((shares <= FLAGGED_MAX).all(axis=0))

    def _counts(self, flags: Flags, units: Float64) -> Counts:
        """Counts of each setting in each piece of time, shape (settings, pieces)."""
        loss = None
        if self.criterion.goal is Goal.CROSS_ENTROPY_LOSS:
            losses = [figures.log_losses(curve_of(one, self.label).scores(one), self.label) for one in units]
            loss = self._pieces(np.array(losses))
        ones = np.ones_like(self.label)
        flagged, hits = self._pieces(flags), self._pieces(flags & (self.label == 1))
        return Counts(flagged, hits, self._pieces(self.label), self._pieces(ones), loss)

    def _pieces(self, values: Numbers) -> Float64:
        """Sums over pieces of time along the last axis, that of rows."""
        starts = np.linspace(0, len(self.label), min(PIECES, len(self.label)), endpoint=False).astype(np.intp)
        sums: Float64 = np.add.reduceat(values, starts, axis=-1, dtype=np.float64)
        return sums
