"""Searches for a setting as the documentation of scikit-learn and Optuna would have them: rivals of the trainer's.

Both are given a window and so many settings to try, and answer with the rule that did best on rows held out: scaled and
fitted on the first 70 % by placed time, its threshold the one with the highest precision at recall >= 0.25 on the next
15 %, the objective that precision. Rows whose label crosses into a later part are left out. Nothing is fitted again.
They share no code with the trainer.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import optuna
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import precision_recall_curve
from sklearn.preprocessing import StandardScaler

from bench.quality.contenders import RECALL_MIN, TRAINING, VALIDATION, Rule, Scores
from services.trainer.dataset.rows import Rows

WEIGHTS = [None, "balanced"]


class Linear(Protocol):
    """What both of scikit-learn's regressions are."""

    def fit(self, x: NDArray[np.float32], y: NDArray[np.uint8]) -> object: ...

    def decision_function(self, x: NDArray[np.float32]) -> Scores: ...


Suggest = Callable[[optuna.Trial], Linear]


@dataclass(frozen=True, eq=False)
class Parts:
    """Rows to fit on and to choose by, scaled as the former are."""

    scaler: StandardScaler
    training: NDArray[np.float32]
    training_label: NDArray[np.uint8]
    held_out: NDArray[np.float32]
    held_out_label: NDArray[np.uint8]


def sgd(epochs: int, seed: int) -> Suggest:
    """Logistic regression by stochastic gradient descent; alpha in the range that its guide names."""

    def suggest(trial: optuna.Trial) -> Linear:
        model: Linear = SGDClassifier(
            loss="log_loss",
            penalty="elasticnet",
            alpha=trial.suggest_float("alpha", 1e-6, 1e-1, log=True),
            l1_ratio=trial.suggest_float("l1_ratio", 0.0, 1.0),
            learning_rate=trial.suggest_categorical("learning_rate", ["optimal", "invscaling", "constant"]),
            eta0=trial.suggest_float("eta0", 1e-5, 1e-1, log=True),
            class_weight=trial.suggest_categorical("class_weight", WEIGHTS),
            max_iter=epochs,
            tol=None,
            random_state=seed,
        )
        return model

    return suggest


def logistic(trial: optuna.Trial) -> Linear:
    """Logistic regression by its own solver; C in the range that LogisticRegressionCV goes through."""
    strength = trial.suggest_float("C", 1e-4, 1e4, log=True)
    weight = trial.suggest_categorical("class_weight", WEIGHTS)
    model: Linear = LogisticRegression(C=strength, class_weight=weight, max_iter=200)
    return model


def search(window: Rows, suggest: Suggest, settings: int, seed: int) -> Rule | None:
    """The best of so many settings; None where a part holds one class only."""
    parts = parts_of(window)
    if parts is None:
        return None
    best: tuple[float, float, Linear] | None = None

    def objective(trial: optuna.Trial) -> float:
        nonlocal best
        model = suggest(trial)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it need not
            model.fit(parts.training, parts.training_label)
        precision, cut = at_recall(model.decision_function(parts.held_out), parts.held_out_label)
        if best is None or precision > best[0]:
            best = precision, cut, model
        return precision

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=settings)
    assert best is not None, "there is no trial"
    _, cut, model = best
    return Rule(lambda rows: model.decision_function(parts.scaler.transform(rows.features)), cut)


def parts_of(window: Rows) -> Parts | None:
    """The first 70 % and the next 15 % of a window by placed time; None where one of them holds one class only."""
    order = np.argsort(window.placed_ns, kind="stable")
    first, second = int(len(order) * TRAINING), int(len(order) * VALIDATION)
    training, held_out = (
        window.take(part[window.resolved_ns[part] < window.placed_ns[order[end]]])
        for part, end in ((order[:first], first), (order[first:second], second))
    )
    if any(len(np.unique(part.label)) < 2 for part in (training, held_out)):
        return None
    scaler = StandardScaler().fit(training.features)
    scaled = scaler.transform(training.features), scaler.transform(held_out.features)
    return Parts(scaler, scaled[0], training.label, scaled[1], held_out.label)


def at_recall(scores: Scores, labels: NDArray[np.uint8]) -> tuple[float, float]:
    """The highest precision at enough recall, and the score from which on flagging has it."""
    precision, recall, cuts = precision_recall_curve(labels, scores)
    allowed = np.where(recall[:-1] >= RECALL_MIN, precision[:-1], -1.0)
    at = int(allowed.argmax())
    return float(allowed[at]), float(cuts[at])
