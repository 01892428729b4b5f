"""Training rows in columns: what the learner, the split and the scorecard work on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.features import FEATURE_COUNT, FEATURE_NAMES, HISTORY_S
from tidewheel.domain.market import Int64
from tidewheel.domain.orders import ExitOn
from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S

Float32 = NDArray[np.float32]
Labels = NDArray[np.uint8]
Index = NDArray[np.intp]
BID, OFFER = FEATURE_NAMES.index("bid"), FEATURE_NAMES.index("offer")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Columns of one length; `features` has shape (n, 605). `pnl_e9` stands beside them and never becomes one."""

    features: Float32
    label: Labels
    placed_ns: Int64
    resolved_ns: Int64
    order_id: Int64
    example_seq: Int64
    pnl_e9: Int64

    @classmethod
    def empty(cls, count: int) -> "Rows":
        """Room for `count` rows, to be filled from the front."""
        columns = (np.empty(count, dtype=np.int64) for _ in range(5))
        return cls(np.empty((count, FEATURE_COUNT), dtype=np.float32), np.empty(count, dtype=np.uint8), *columns)

    def __len__(self) -> int:
        return len(self.label)

    def gross_e9(self, exit_on: ExitOn) -> Int64:
        """Profit and loss against the price at entry that ends an order, as if no spread were paid."""
        paid = self.features[:, OFFER].astype(np.float64)  # above the mid, which features are measured from
        if exit_on is not ExitOn.MID:
            paid -= self.features[:, BID if exit_on is ExitOn.BID else OFFER]
        gross: Int64 = self.pnl_e9 + np.rint(paid * E9).astype(np.int64)
        return gross

    @property
    def largest_pnl_e9(self) -> int:
        """The largest amount that an order has won or lost, at least 1: what results are measured in afterwards."""
        return max(1, int(self.pnl_e9.max(initial=0)), -int(self.pnl_e9.min(initial=0)))

    @property
    def breaks(self) -> int:
        """How often so much market time lies between two orders that follow one another that no history reaches across:
        each end of a session is such a place, since a session's first orders are no rows."""
        return int(np.count_nonzero(np.diff(np.sort(self.placed_ns)) >= HISTORY_S * NS_PER_S))

    def columns(self) -> tuple[NDArray[Any], ...]:
        """All columns, in the order of the fields."""
        return (
            *(self.features, self.label, self.placed_ns, self.resolved_ns),
            *(self.order_id, self.example_seq, self.pnl_e9),
        )

    def take(self, which: Index | NDArray[np.bool_] | slice) -> "Rows":
        """The rows named by an index, a mask or a slice (which copies nothing)."""
        return Rows(*(column[which] for column in self.columns()))

    def evenly_spaced(self, count: int) -> "Rows":
        """`count` of the rows, evenly spaced; all of them where there are no more."""
        if count >= len(self):
            return self
        return self.take(np.linspace(0, len(self) - 1, count).astype(np.intp))
