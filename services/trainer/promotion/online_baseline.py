"""A baseline that needs no tuning: river's online logistic regression, which learns each example after scoring it.

Labels come late, and that is kept to. A row is scored as of its `placed_ns`, by what was learnt from rows resolved
before that instant, and is learnt from at its own `resolved_ns`. Rows whose lives overlap share their future: who
learnt from one at once would know the others' labels. The rows scored are those that judge a model (placed after the
window before had closed, see `scorecard`); rows placed earlier are learnt from only, since what was known when they
were placed has been learnt past by now.

The threshold is fixed beforehand: the one with the highest precision at enough recall on its own scores of the window
before. Without one (the first window seen, or no PROFIT in the window before) there is no baseline.

river takes a row as a dictionary, so 605 features are slow: some 0.18 ms to score and learn a row, and 0.5 ms behind
river's own StandardScaler, whose running mean and variance are therefore kept in arrays here. `ROWS_MAX` rows of a
window, evenly spaced, bound the cost to some 75 ms. Neighbouring orders have nearly the same features and the same
future, so more rows bring no better a baseline: on simulated markets with an edge the lift of 200 to 500 rows a window
was much the same, and that of 2,000 was lower.

What was learnt is kept nowhere: it starts anew with the process, and where a window was missed or came out of order.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from river import linear_model, optim

from services.trainer.dataset.rows import Index, Labels, Rows
from services.trainer.search import threshold
from services.trainer.search.criteria import Criterion
from services.trainer.windows.count_windows import Window
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Baseline, Float64

ROWS_MAX = 400
# A row's squared length is about the number of features, so that one step moves its own log odds by some 0.05 at most.
# river's 0.01 would move them by 6.
LEARNING_RATE = 0.05 / FEATURE_COUNT
# A feature that has hardly ever moved may be any number of standard deviations away the first time it does.
DEVIATIONS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known of the window before. `threshold` None: nothing to flag with."""

    seq: int
    last_example_seq: int
    last_resolved_ns: int
    threshold: float | None


class OnlineBaseline:
    """One instrument's baseline, shown window after window. The same windows give the same counts."""

    def __init__(self, recall_min: float) -> None:
        self._recall_min = recall_min
        self._learner = _Learner()
        self._past: _Past | None = None

    def update(self, window: Window) -> Baseline | None:
        """Score and learn from a window's new rows; its counts on those that judge the model of the window before."""
        if self._past is not None and self._past.seq != window.seq - 1:
            self._learner, self._past = _Learner(), None
        past, rows = self._past, window.rows
        sample = _usable(_new(rows, past).evenly_spaced(ROWS_MAX))
        asked = np.flatnonzero(sample.placed_ns > past.last_resolved_ns) if past else np.arange(len(sample))
        scores, labels = self._scores(sample, asked), sample.label[asked]
        self._past = _Past(
            window.seq,
            int(rows.example_seq[-1]),
            int(rows.resolved_ns.max()),
            _threshold(scores, labels, self._recall_min),
        )
        return _counts(scores, labels, past.threshold) if past and past.threshold is not None else None

    def _scores(self, sample: Rows, asked: Index) -> Float64:
        """Scores of the rows asked for, while time passes over all of the sample."""
        features = sample.features.astype(np.float64)
        scores = np.zeros(len(sample))
        for row, learns in _timeline(sample, asked):
            if learns:
                self._learner.learn(features[row], bool(sample.label[row]))
            else:
                scores[row] = self._learner.score(features[row])
        return scores[asked]


def _new(rows: Rows, past: _Past | None) -> Rows:
    """The rows not seen with the window before, which shares some where the step is smaller than the window."""
    seen = int(np.searchsorted(rows.example_seq, past.last_example_seq, side="right")) if past else 0
    return rows.take(slice(seen, None))


def _usable(rows: Rows) -> Rows:
    """Rows of numbers only; one that is none would spoil what is learnt for good."""
    return rows.take(np.flatnonzero(np.isfinite(rows.features).all(axis=1)))


def _timeline(rows: Rows, asked: Index) -> Iterator[tuple[int, bool]]:
    """What happens to which row, in the order of time: False, it is scored; True, it is learnt from.

    At one instant scoring comes first: what is resolved then was not known before it.
    """
    moments = np.concatenate((rows.placed_ns[asked], rows.resolved_ns))
    who = np.concatenate((asked, np.arange(len(rows))))
    learns = np.arange(len(who)) >= len(asked)
    order = np.lexsort((who, learns, moments))
    yield from zip(who[order].tolist(), learns[order].tolist(), strict=True)


def _threshold(scores: Float64, labels: Labels, recall_min: float) -> float | None:
    if not labels.any():
        return None
    return threshold.fit_threshold(scores, labels, np.ones(len(labels)), Criterion(recall_min=recall_min))


def _counts(scores: Float64, labels: Labels, at: float) -> Baseline:
    flags = scores >= at
    return Baseline(len(labels), int(labels.sum()), int(flags.sum()), int(labels[flags].sum()))


class _Learner:
    """river's regression behind running standard scaling."""

    def __init__(self) -> None:
        self._regression = linear_model.LogisticRegression(optim.SGD(LEARNING_RATE))
        self._rows = 0
        self._mean = np.zeros(FEATURE_COUNT)
        self._variance = np.zeros(FEATURE_COUNT)

    def score(self, features: Float64) -> float:
        """Chance of PROFIT as far as it has learnt; one half at first."""
        return float(self._regression.predict_proba_one(self._scaled(features))[True])

    def learn(self, features: Float64, label: bool) -> None:
        """Take in one resolved row: Welford's step for mean and variance, then the regression's."""
        self._rows += 1
        off = features - self._mean
        self._mean += off / self._rows
        self._variance += (off * (features - self._mean) - self._variance) / self._rows
        self._regression.learn_one(self._scaled(features), label)

    def _scaled(self, features: Float64) -> dict[int, float]:
        """As river takes a row. A feature that has not varied yet says nothing: 0."""
        deviation = np.sqrt(self._variance)
        scaled = np.zeros(FEATURE_COUNT)
        np.divide(features - self._mean, deviation, out=scaled, where=deviation > 0)
        return dict(enumerate(np.clip(scaled, -DEVIATIONS_MAX, DEVIATIONS_MAX).tolist()))
