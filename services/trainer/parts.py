"""What a model is made of and judged on, checked to be of use before any time is spent on tuning."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.trainer import memory
from services.trainer.core import Window
from services.trainer.reasons import NoModel, RunReason
from services.trainer.rows import Index, Labels, Rows
from services.trainer.sample import Sample, thinned
from services.trainer.split import folds, split
from tidewheel.domain.models import Float64

# A mini-batch of the smallest size to train on; rows enough for a threshold.
TRAINING_ROWS_MIN = 100
PART_ROWS_MIN = 30
FOLDS_MIN = 2

Folding = list[tuple[Index, Index]]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """All that is known, thinned; of it what was known when the window's test part began, and that part, whole.

    `weights`: what each remembered window is worth to the whole, oldest first. `purged`: rows of the window, before
    thinning, that were still open when the test part began.
    """

    whole: Sample
    known: Sample
    test: Rows
    weights: Float64
    purged: int

    @property
    def developed_on(self) -> Sample:
        """What settings are tried on: what was known before the test part, or all where that is of no use alone."""
        return self.known if usable(self.known) else self.whole


def parts_of(window: Window) -> Parts:
    """The parts of a window and of what it remembers. Raises NoModel where they allow no model."""
    check_finite(window.rows)
    shown = thinned(len(window.rows))
    own, before = Sample.of(window.rows.take(shown)), [one.sample for one in window.memory]
    whole, worth = _remembering(before, own)
    if len(whole) < TRAINING_ROWS_MIN:
        raise NoModel(RunReason.TOO_FEW_ROWS, f"{len(whole)} rows; {TRAINING_ROWS_MIN} are needed")
    check_classes("all that is remembered" if worth.any() else "the window", whole.label)
    cut = split(window.rows)
    test = window.rows.take(cut.test)
    begins_ns = test.placed_ns.min()
    # What the windows before are worth is asked anew: the test part tells of that too.
    known, _ = _remembering(
        [one.take(one.resolved_ns < begins_ns) for one in before], own.take(np.isin(shown, cut.development))
    )
    return Parts(whole, known, test, worth, cut.purged)


def _remembering(before: Sequence[Sample], own: Sample) -> tuple[Sample, Float64]:
    """A window's rows and those before it, each worth what its window is; and what the windows before are worth."""
    worth = memory.weights([*before, own])[:-1]
    remembered = [one.weighing(weight) for one, weight in zip(before, worth.tolist(), strict=True) if weight]
    return Sample.joined([*remembered, own]), worth


def usable(part: Sample) -> bool:
    """Whether a model can be made of a part."""
    return len(part) >= TRAINING_ROWS_MIN and both_classes(part.label)


def usable_folds(part: Sample, count: int) -> Folding:
    """Folds with enough rows to train on and to hold out, of both classes where they train; none where there are fewer
    than two, or where what they hold out is of one class. `part` is in the order of placed time."""
    found = [
        (training, held_out)
        for training, held_out in folds(part, np.arange(len(part)), count)
        if len(training) >= TRAINING_ROWS_MIN and len(held_out) >= PART_ROWS_MIN and both_classes(part.label[training])
    ]
    if len(found) < FOLDS_MIN or not both_classes(part.label[np.concatenate([places for _, places in found])]):
        return []
    return found


def check_finite(rows: Rows) -> None:
    """Raises NoModel where a feature is NaN or infinite."""
    finite = np.isfinite(rows.features).all(axis=1)
    if not finite.all():
        words = f"{int((~finite).sum())} of {len(rows)} rows hold a feature that is not finite"
        raise NoModel(RunReason.NOT_FINITE, words)


def check_classes(what: str, labels: Labels) -> None:
    """Raises NoModel where there is nothing to tell apart."""
    if not both_classes(labels):
        outcome = "PROFIT" if labels.any() else "LOSS"
        raise NoModel(RunReason.ONE_CLASS, f"{what} is {outcome} only: {len(labels)} rows")


def both_classes(labels: Labels) -> bool:
    return 0 < int(labels.sum()) < len(labels)
