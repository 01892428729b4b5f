"""Rows as the learner sees them: thinned, and their features as inputs (see `basis`)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset import basis
from services.trainer.dataset.rows import Float32, Index, Labels, Rows
from tidewheel.domain.market import Int64
from tidewheel.domain.models import Float64

# Orders of one second share their future: one row in so many teaches as much as all, where enough are left.
EVERY = 5
ROWS_ENOUGH = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Columns of one length; `features` has shape (n, basis.INPUTS). `weight`: what a row is worth beside others."""

    features: Float32
    label: Labels
    placed_ns: Int64
    resolved_ns: Int64
    order_id: Int64
    weight: Float64

    @classmethod
    def empty(cls, count: int) -> "Sample":
        """Room for `count` rows, to be filled."""
        features = np.empty((count, basis.INPUTS), dtype=np.float32)
        placed_ns, resolved_ns, order_id = (np.empty(count, dtype=np.int64) for _ in range(3))
        return cls(features, np.empty(count, dtype=np.uint8), placed_ns, resolved_ns, order_id, np.empty(count))

    @classmethod
    def of(cls, rows: Rows) -> "Sample":
        """These rows, each worth the same."""
        return cls(
            basis.inputs(rows.features),
            rows.label.copy(),
            rows.placed_ns.copy(),
            rows.resolved_ns.copy(),
            rows.order_id.copy(),
            np.ones(len(rows)),
        )

    @classmethod
    def concatenated(cls, samples: Sequence["Sample"]) -> "Sample":
        """All rows, in the order of placed time, ties by order id."""
        columns = zip(*(sample.columns() for sample in samples), strict=True)
        whole = cls(*(np.concatenate(column) for column in columns))
        return whole.take(np.lexsort((whole.order_id, whole.placed_ns)))

    def __len__(self) -> int:
        return len(self.label)

    def columns(self) -> tuple[NDArray[Any], ...]:
        """All columns, in the order of the fields."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def take(self, which: Index | NDArray[np.bool_] | slice) -> "Sample":
        return Sample(*(column[which] for column in self.columns()))

    def with_weight(self, weight: float) -> "Sample":
        """The same rows, each worth so much."""
        return replace(self, weight=np.full(len(self), weight))


def thinned(count: int) -> Index:
    """Which of a window's rows, in the order of `example_seq`, the learner is shown."""
    return np.arange(0, count, max(1, min(EVERY, count // ROWS_ENOUGH)))
