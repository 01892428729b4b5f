"""The three parts of a window, checked to be of use before any time is spent on tuning."""

from dataclasses import dataclass

import numpy as np

from services.trainer.reasons import NoModel, RunReason
from services.trainer.rows import Index, Labels, Rows
from services.trainer.split import Split, halves

# A mini-batch of the smallest size to train on; rows enough for a threshold and for a statement.
TRAINING_ROWS_MIN = 100
PART_ROWS_MIN = 30
HALF_ROWS_MIN = 15
MINUTE_NS = 60 * 10**9


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Rows of each part by placed time, and the validation part's two halves in time as indices into it (None where
    the purge leaves no two usable ones)."""

    training: Rows
    validation: Rows
    test: Rows
    halves: tuple[Index, Index] | None


def parts_of(rows: Rows, cut: Split) -> Parts:
    """The parts of a split. Raises NoModel where one is too small or of one class only."""
    training, validation, test = (rows.take(part) for part in (cut.training, cut.validation, cut.test))
    named = ("training", training), ("validation", validation), ("test", test)
    for (name, part), least in zip(named, (TRAINING_ROWS_MIN, PART_ROWS_MIN, PART_ROWS_MIN), strict=True):
        if len(part) < least:
            words = f"the {name} part holds {len(part)} rows after {cut.purged} were purged; {least} are needed"
            raise NoModel(RunReason.TOO_FEW_ROWS, f"{words} ({_lives(rows)})" if cut.purged else words)
    for name, part in named:
        check_classes(f"the {name} part", part.label)
    return Parts(training, validation, test, _usable_halves(validation))


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


def _usable_halves(validation: Rows) -> tuple[Index, Index] | None:
    pair = halves(validation, np.arange(len(validation)))
    usable = all(len(half) >= HALF_ROWS_MIN and _both_classes(validation.label[half]) for half in pair)
    return pair if usable else None


def _both_classes(labels: Labels) -> bool:
    return 0 < int(labels.sum()) < len(labels)
