"""What a model is made of and judged on, checked to be of use before any time is spent on tuning."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.trainer.dataset.rows import Index, Labels, Rows
from services.trainer.dataset.sample import Sample, thinned
from services.trainer.dataset.split import purged_folds, split
from services.trainer.modelling.no_model import NoModelError
from services.trainer.windows import memory
from services.trainer.windows.count_windows import Window
from tidewheel.domain.models import Float64
from tidewheel.domain.training import RunReason

# A mini-batch of the smallest size to train on; rows enough for a threshold.
TRAINING_ROWS_MIN = 100
PART_ROWS_MIN = 30
FOLDS_MIN = 2

FoldIndices = list[tuple[Index, Index]]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """All that is known, thinned; of it what was known when the window's test part began, and that part, whole.

    `weights`: what each remembered window is worth to the whole, oldest first. `purged`: rows of the window, before
    thinning, that were still open when the test part began.
    """

    whole: Sample
    development: Sample
    test: Rows
    weights: Float64
    purged: int

    @property
    def search_rows(self) -> Sample:
        """What settings are tried on: what was known before the test part, or all where that is of no use alone."""
        return self.development if is_trainable(self.development) else self.whole


def training_data_of(window: Window) -> TrainingData:
    """The parts of a window and of what it remembers. Raises NoModelError where they allow no model."""
    check_finite(window.rows)
    shown = thinned(len(window.rows))
    own, before = Sample.of(window.rows.take(shown)), [one.sample for one in window.memory]
    whole, window_weights = _remembering(before, own)
    if len(whole) < TRAINING_ROWS_MIN:
        raise NoModelError(RunReason.TOO_FEW_ROWS, f"{len(whole)} rows; {TRAINING_ROWS_MIN} are needed")
    check_classes("all that is remembered" if window_weights.any() else "the window", whole.label)
    cut = split(window.rows)
    test = window.rows.take(cut.test)
    begins_ns = test.placed_ns.min()
    # What the windows before are worth is asked anew: the test part tells of that too.
    development, _ = _remembering(
        [one.take(one.resolved_ns < begins_ns) for one in before], own.take(np.isin(shown, cut.development))
    )
    return TrainingData(whole, development, test, window_weights, cut.purged)


def _remembering(before: Sequence[Sample], own: Sample) -> tuple[Sample, Float64]:
    """A window's rows and those before it, each worth what its window is; and what the windows before are worth."""
    window_weights = memory.weights([*before, own])[:-1]
    remembered = [
        one.with_weight(weight) for one, weight in zip(before, window_weights.tolist(), strict=True) if weight
    ]
    return Sample.concatenated([*remembered, own]), window_weights


def is_trainable(part: Sample) -> bool:
    """Whether a model can be made of a part."""
    return len(part) >= TRAINING_ROWS_MIN and both_classes(part.label)


def trainable_folds(part: Sample, count: int) -> FoldIndices:
    """Folds with enough rows to train on and to hold out, of both classes where they train; none where there are fewer
    than two, or where what they hold out is of one class. `part` is in the order of placed time."""
    found = [
        (training, held_out)
        for training, held_out in purged_folds(part, np.arange(len(part)), count)
        if len(training) >= TRAINING_ROWS_MIN and len(held_out) >= PART_ROWS_MIN and both_classes(part.label[training])
    ]
    if len(found) < FOLDS_MIN or not both_classes(part.label[np.concatenate([places for _, places in found])]):
        return []
    return found


def check_finite(rows: Rows) -> None:
    """Raises NoModelError where a feature is NaN or infinite."""
    finite = np.isfinite(rows.features).all(axis=1)
    if not finite.all():
        detail = f"{int((~finite).sum())} of {len(rows)} rows hold a feature that is not finite"
        raise NoModelError(RunReason.NOT_FINITE, detail)


def check_classes(what: str, labels: Labels) -> None:
    """Raises NoModelError where there is nothing to tell apart."""
    if not both_classes(labels):
        outcome = "PROFIT" if labels.any() else "LOSS"
        raise NoModelError(RunReason.ONE_CLASS, f"{what} is {outcome} only: {len(labels)} rows")


def both_classes(labels: Labels) -> bool:
    return 0 < int(labels.sum()) < len(labels)
