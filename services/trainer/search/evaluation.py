"""How good settings are on rows they had not seen, and whether one is shown better than another.

A window is worth some twenty independent labels, and a hundred and sixty settings are tried on it: the best of them by
its merit is best by chance, and on later rows worse than a moderate setting nobody searched for (ADR 23). So merits
come with an error, that of a jackknife over blocks of time: neighbouring rows share their future, blocks hardly do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.rows import Labels
from services.trainer.learning import classification_metrics
from services.trainer.learning.platt import fit_platt_curve
from services.trainer.search.criteria import Counts, Criterion, Goal, Numbers
from services.trainer.search.crossfit import OutOfFoldScores
from services.trainer.search.threshold import MARGINS, Flags, Ranking, with_margin
from tidewheel.domain.models import Float64, Hyperparameters
from tidewheel.domain.training import Trial

JACKKNIFE_BLOCKS = 20
# Whoever flags more than three of four rows of a fold picks nothing out.
FLAGGED_MAX = 0.75
INFEASIBLE = 1.0  # taken off an infeasible setting's objective: it ranks below every feasible one


@dataclass(frozen=True, slots=True, eq=False)
class EvaluatedSetting:
    """One setting and what it reached on rows held out. `margin`: how many times the floor its threshold keeps.

    `z_scores`: of those rows, out of fold. `jackknife_merits`: its merit with each block of time left out.
    """

    hyperparameters: Hyperparameters
    margin: float
    threshold_z: float
    merit: float
    feasible: bool
    precision: float
    recall: float
    z_scores: Float64
    jackknife_merits: Float64

    @property
    def objective(self) -> float:
        return self.merit if self.feasible else self.merit - INFEASIBLE

    def lead_standard_error(self, other: "EvaluatedSetting") -> float:
        """Standard error of the difference in merit on the same rows (jackknife: Efron and Stein 1981)."""
        apart = self.jackknife_merits - other.jackknife_merits
        return float(np.sqrt((len(apart) - 1) / len(apart) * ((apart - apart.mean()) ** 2).sum()))

    def as_trial(self, number: int, of: int) -> Trial:
        return Trial(
            *(number, of, self.objective, self.feasible, self.precision, self.recall),
            *(self.threshold_z, self.hyperparameters),
        )


@dataclass(frozen=True, slots=True, eq=False)
class SettingEvaluator:
    """What settings are evaluated by: the labels of the rows held out, by placed time, their folds, and the
    criterion."""

    label: Labels
    fold_of: NDArray[np.intp]
    criterion: Criterion

    def evaluate(self, settings: Sequence[Hyperparameters], seen: OutOfFoldScores) -> list[EvaluatedSetting]:
        """Each setting at the first margin that keeps the criterion on rows held out. Where none does it is not
        feasible, and its numbers are those of the first."""
        ranking = Ranking.of(seen.z_scores, self.label)
        evaluated = self._at(MARGINS[0], settings, seen, ranking)
        for margin in MARGINS[1:]:
            failing = np.array(
                [k for k, one in enumerate(evaluated) if not one.feasible and seen.nonconstant[k]], dtype=np.intp
            )
            if not len(failing):
                break
            again = self._at(margin, [settings[k] for k in failing], seen.take(failing), ranking.take(failing))
            for k, one in zip(failing.tolist(), again, strict=True):
                evaluated[k] = one if one.feasible else evaluated[k]
        return evaluated

    def _at(
        self, margin: float, settings: Sequence[Hyperparameters], seen: OutOfFoldScores, ranking: Ranking
    ) -> list[EvaluatedSetting]:
        fitting = with_margin(self.criterion, margin)
        flags = ranking.cross_fit(self.fold_of, fitting)
        blocks = self._counts(flags, seen.z_scores)
        whole = blocks.map(lambda counts: counts.sum(axis=-1))
        jackknife_merits = self.criterion.merit(blocks.map(lambda counts: counts.sum(axis=-1, keepdims=True) - counts))
        feasible = seen.nonconstant & self._usable(flags) & self.criterion.met(whole)
        merits, thresholds = self.criterion.merit(whole), ranking.threshold(fitting)
        return [
            EvaluatedSetting(
                setting,
                margin,
                threshold_z=float(thresholds[k]),
                merit=float(merits[k]),
                feasible=bool(feasible[k]),
                precision=float(whole.precision[k]),
                recall=float(whole.recall[k]),
                z_scores=seen.z_scores[k],
                jackknife_merits=jackknife_merits[k],
            )
            for k, setting in enumerate(settings)
        ]

    def _usable(self, flags: Flags) -> NDArray[np.bool_]:
        """Which settings do not flag most rows of a fold."""
        shares = np.array([flags[:, self.fold_of == fold].mean(axis=1) for fold in np.unique(self.fold_of)])
        return np.asarray((shares <= FLAGGED_MAX).all(axis=0))

    def _counts(self, flags: Flags, z_scores: Float64) -> Counts:
        """Counts of each setting in each block of time, shape (settings, blocks)."""
        loss = None
        if self.criterion.goal is Goal.CROSS_ENTROPY_LOSS:
            losses = [
                classification_metrics.log_losses(fit_platt_curve(one, self.label).scores(one), self.label)
                for one in z_scores
            ]
            loss = self._block_sums(np.array(losses))
        ones = np.ones_like(self.label)
        flagged, hits = self._block_sums(flags), self._block_sums(flags & (self.label == 1))
        return Counts(flagged, hits, self._block_sums(self.label), self._block_sums(ones), loss)

    def _block_sums(self, values: Numbers) -> Float64:
        """Sums over blocks of time along the last axis, that of rows."""
        starts = np.linspace(0, len(self.label), min(JACKKNIFE_BLOCKS, len(self.label)), endpoint=False).astype(np.intp)
        sums: Float64 = np.add.reduceat(values, starts, axis=-1, dtype=np.float64)
        return sums
