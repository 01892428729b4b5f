"""The parts of a window, checked to be of use before any time is spent on tuning."""

from dataclasses import dataclass

import numpy as np

from services.trainer.reasons import NoModel, RunReason
from services.trainer.rows import Index, Labels, Rows
from services.trainer.split import Split, folds

# A mini-batch of the smallest size to train on; rows enough for a threshold and for a statement.
TRAINING_ROWS_MIN = 100
PART_ROWS_MIN = 30
FOLDS_MIN = 2
MINUTE_NS = 60 * 10**9

Folding = list[tuple[Index, Index]]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Rows of each part by placed time, and the folds of the development part: indices of it, training and held out."""

    development: Rows
    test: Rows
    folds: Folding

    @property
    def held_out_label(self) -> Labels:
        """Labels of the rows that are scored out of fold, fold after fold."""
        return _held_out(self.development.label, self.folds)


def parts_of(rows: Rows, cut: Split, count: int) -> Parts:
    """The parts of a split, the earlier in `count` folds. Raises NoModel where one is too small or of one class."""
    development, test = rows.take(cut.development), rows.take(cut.test)
    for name, part, least in (
        ("development", development, TRAINING_ROWS_MIN + PART_ROWS_MIN),
        ("test", test, PART_ROWS_MIN),
    ):
        if len(part) < least:
            words = f"the {name} part holds {len(part)} rows after {cut.purged} were purged; {least} are needed"
            raise NoModel(RunReason.TOO_FEW_ROWS, f"{words} ({_lives(rows)})" if cut.purged else words)
        check_classes(f"the {name} part", part.label)
    return Parts(development, test, usable_folds(development, count))


def usable_folds(part: Rows, count: int) -> Folding:
    """Folds with enough rows to train on and to hold out, of both classes where they train. Raises NoModel where there
    are fewer than two, or where what they hold out is of one class. `part` is in the order of placed time."""
    cut = folds(part, np.arange(len(part)), count)
    usable = [
        (training, held_out)
        for training, held_out in cut
        if len(training) >= TRAINING_ROWS_MIN and len(held_out) >= PART_ROWS_MIN and _both_classes(part.label[training])
    ]
    if len(usable) < FOLDS_MIN:
        words = f"{len(usable)} of {len(cut)} folds leave rows of both classes to train on after their purge"
        raise NoModel(RunReason.TOO_FEW_ROWS, f"{words}; {FOLDS_MIN} are needed ({_lives(part)})")
    check_classes("what the folds hold out", _held_out(part.label, usable))
    return usable


def _held_out(label: Labels, cut: Folding) -> Labels:
    held_out: Labels = label[np.concatenate([places for _, places in cut])]
    return held_out


def check_finite(rows: Rows) -> None:
    """Raises NoModel where a feature is NaN or infinite."""
    finite = np.isfinite(rows.features).all(axis=1)
    if not finite.all():
        words = f"{int((~finite).sum())} of {len(rows)} rows hold a feature that is not finite"
        raise NoModel(RunReason.NOT_FINITE, words)


def check_classes(what: str, labels: Labels) -> None:
    """Raises NoModel where there is nothing to tell apart."""
    if not _both_classes(labels):
        outcome = "PROFIT" if labels.any() else "LOSS"
        raise NoModel(RunReason.ONE_CLASS, f"{what} is {outcome} only: {len(labels)} rows")


def _lives(rows: Rows) -> str:
    """Why the purge took so many, and what would help."""
    life_ns, span_ns = np.median(rows.resolved_ns - rows.placed_ns), np.ptp(rows.placed_ns)
    return (
        f"labels live for {life_ns / MINUTE_NS:.0f} min, the window's orders were placed within "
        f"{span_ns / MINUTE_NS:.0f} min; a narrower threshold or a larger window leaves more"
    )


def _both_classes(labels: Labels) -> bool:
    return 0 < int(labels.sum()) < len(labels)
