"""Rows to develop on and rows to test on, in the order of time, without a row that knows the others' future.

Rows sorted by placed time (ties by order id) are cut 85/15: training and validation, 70 and 15 by tradition, are one
part here, whose rows train and validate in turn, fold by fold (ADR 23). A label's life runs from `placed_ns` to
`resolved_ns`; a row still open when the next part's first row was placed (`resolved_ns` >= that `placed_ns`) has seen
prices of that part, and is dropped from the earlier part. Overlapping labels share their future, so n rows are worth
fewer: a row's *average uniqueness* is the mean, over its life, of one over the number of rows alive, and their sum is
the effective sample size (López de Prado, Advances in Financial Machine Learning, chapter 4).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from services.trainer.dataset.rows import Index
from tidewheel.domain.market import Int64
from tidewheel.domain.models import Float64

DEVELOPMENT_PERCENT = 85


class LabelSpans(Protocol):
    """Rows that were placed and resolved."""

    @property
    def placed_ns(self) -> Int64: ...
    @property
    def resolved_ns(self) -> Int64: ...
    @property
    def order_id(self) -> Int64: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Indices into the rows that were split, each part in the order of placed time."""

    development: Index
    test: Index
    purged: int


def in_placed_order(rows: LabelSpans) -> Index:
    """Indices that sort rows by placed time, ties by order id."""
    order: Index = np.lexsort((rows.order_id, rows.placed_ns))
    return order


def split(rows: LabelSpans) -> Split:
    """Cut rows 85/15 by placed time and purge the boundary."""
    order = in_placed_order(rows)
    first = len(order) * DEVELOPMENT_PERCENT // 100
    test = order[first:]
    development = purged_before(rows, order[:first], test)
    return Split(development, test, first - len(development))


def purged_folds(rows: LabelSpans, part: Index, count: int) -> list[tuple[Index, Index]]:
    """A part in `count` pieces in time, each held out once: (training, held out), training purged on both sides.

    `part` is in the order of placed time. Sizes differ by one row at most; a piece without a row is left out.
    """
    result, start = [], 0
    for held_out in np.array_split(part, count):
        end = start + len(held_out)
        training = np.concatenate(
            (purged_before(rows, part[:start], held_out), purged_after(rows, held_out, part[end:]))
        )
        if len(held_out):
            result.append((training, held_out))
        start = end
    return result


def purged_before(rows: LabelSpans, earlier: Index, later: Index) -> Index:
    """The rows of `earlier` whose labels were known when the first row of `later` was placed."""
    if not len(later):
        return earlier
    kept: Index = earlier[rows.resolved_ns[earlier] < rows.placed_ns[later].min()]
    return kept


def purged_after(rows: LabelSpans, earlier: Index, later: Index) -> Index:
    """The rows of `later` that were placed when every label of `earlier` was known."""
    if not len(earlier):
        return later
    kept: Index = later[rows.placed_ns[later] > rows.resolved_ns[earlier].max()]
    return kept


def average_uniqueness(placed_ns: Int64, resolved_ns: Int64) -> Float64:
    """Average uniqueness of each row among the rows given, in 0..1; O(n log n)."""
    count = len(placed_ns)
    ended_ns = np.maximum(resolved_ns, placed_ns + 1)
    times = np.concatenate((placed_ns, ended_ns))
    order = np.argsort(times, kind="stable")
    alive = np.cumsum(np.where(order < count, 1, -1))
    # Between one event and the next the number alive is constant; `worth` is the integral of its inverse up to there.
    inverse = 1.0 / np.maximum(alive[:-1], 1)
    effective = np.zeros(2 * count)
    np.cumsum(np.diff(times[order]) * inverse, out=effective[1:])
    rank = np.empty(2 * count, dtype=np.intp)
    rank[order] = np.arange(2 * count)
    share: Float64 = (effective[rank[count:]] - effective[rank[:count]]) / (ended_ns - placed_ns)
    return share


def effective_sample_size(rows: LabelSpans) -> float:
    """How many independent labels the rows are worth."""
    return float(average_uniqueness(rows.placed_ns, rows.resolved_ns).sum()) if len(rows) else 0.0
