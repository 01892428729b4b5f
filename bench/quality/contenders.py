"""Who flags rows of the next window: the trainer, a plain scikit-learn regression, and the planted function itself.

Each is given one window and answers with a rule for later rows. The two beside the trainer share no code with it.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bench.quality.streams import planted
from services.trainer.dataset.rows import Rows

RECALL_MIN = 0.25
TRAINING, VALIDATION = 0.70, 0.85
Flags = NDArray[np.bool_]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """Scores of rows, and from which score on they are flagged."""

    scores: Callable[[Rows], Scores]
    threshold: float

    def flags(self, rows: Rows) -> Flags:
        return self.scores(rows) >= self.threshold


def plain(window: Rows) -> Rule | None:
    """Logistic regression on the first 70 % of the window, its threshold fitted on the next 15 %; None where one of
    them holds one class only. Rows whose label crosses into a later part are left out."""
    order = np.argsort(window.placed_ns, kind="stable")
    first, second = int(len(order) * TRAINING), int(len(order) * VALIDATION)
    training = window.take(_known(window, order[:first], order[first]))
    validation = window.take(_known(window, order[first:second], order[second]))
    if any(len(np.unique(part.label)) < 2 for part in (training, validation)):
        return None
    scaler = StandardScaler().fit(training.features)
    model = LogisticRegression(max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged: it need not
        model.fit(scaler.transform(training.features), training.label)

    def scores(rows: Rows) -> Scores:
        return np.asarray(model.decision_function(scaler.transform(rows.features)), dtype=np.float64)

    return Rule(scores, threshold(scores(validation), validation.label))


def oracle(window: Rows, flip_s: int = 0) -> Rule:
    """The planted function, with the sign it has when a row is placed; its threshold fitted on the whole window."""

    def scores(rows: Rows) -> Scores:
        return planted(rows, flip_s)

    return Rule(scores, threshold(scores(window), window.label))


def threshold(scores: Scores, labels: NDArray[np.uint8]) -> float:
    """The score from which on flagging has the highest precision at recall >= 0.25; infinity where none is right."""
    best, found = 0.0, np.inf
    for cut in np.unique(np.quantile(scores, np.linspace(0, 1, 401))):
        flagged = labels[scores >= cut]
        if flagged.sum() >= RECALL_MIN * labels.sum() and flagged.mean() > best:
            best, found = float(flagged.mean()), float(cut)
    return found


def _known(rows: Rows, part: NDArray[np.intp], following: int) -> NDArray[np.intp]:
    return part[rows.resolved_ns[part] < rows.placed_ns[following]]
