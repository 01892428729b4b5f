"""Training rows of made-up markets: random-walk mids with a planted linear edge, labelled and laid out like real ones.

Each second the mid moves by chance, and by `edge` times a linear function of the 600 mids before it. Orders are bought
at the offer `PER_SECOND` times a second and end when a second's closing bid touches entry ± `threshold`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.rows import Rows
from services.trainer.windows.count_windows import Window
from tidewheel.domain.features import HISTORY_S, Example
from tidewheel.domain.time import NS_PER_S, ORDER_IDS_PER_S

PER_SECOND = 5
HALF_SPREAD = 0.1
SIGMA = 0.5
INSTRUMENT = "sim:MADE"
# Prices are pulled back from where they stood in the last minutes, harder from the last one.
LAGS_S = np.arange(HISTORY_S)
PULL = np.exp(-LAGS_S / 40.0) - 1.5 * np.exp(-LAGS_S / 120.0)


@dataclass(frozen=True, eq=False)
class Market:
    """A made-up market's resolved orders in canonical order; features are cut when asked for.

    `planted`: the drift's function at each order, in standard deviations.
    """

    mids: NDArray[np.float64]
    entry_second: NDArray[np.int64]
    mid_at_entry: NDArray[np.float64]
    rows: Rows
    planted: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, first: int, end: int) -> Rows:
        """Rows `first`…`end` - 1 with their features."""
        seconds, mid = self.entry_second[first:end], self.mid_at_entry[first:end]
        rows = self.rows.take(slice(first, end))
        history = np.lib.stride_tricks.sliding_window_view(self.mids, HISTORY_S)
        high, low = np.maximum.accumulate(self.mids), np.minimum.accumulate(self.mids)
        features = np.empty((len(rows), 5 + HISTORY_S), dtype=np.float32)
        features[:, 0], features[:, 1] = -HALF_SPREAD, HALF_SPREAD
        features[:, 2] = self.mids[0] - mid
        features[:, 3], features[:, 4] = high[seconds - 1] - mid, low[seconds - 1] - mid
        features[:, 5:] = history[seconds - HISTORY_S][:, ::-1] - mid[:, np.newaxis]
        return Rows(features, *rows.columns()[1:])

    def window(self, seq: int, size: int, step: int | None = None) -> Window:
        """Window `seq` as the trainer's core would close it, its offsets being those of a topic without gaps."""
        first = (seq - 1) * (step or size)
        assert first + size <= len(self), "the market is too short for this window"
        return Window(INSTRUMENT, seq, 0, first, first + size - 1, self.part(first, first + size))


def market(seed: int, seconds: int, edge: float = 0.25, threshold: float = 1.5) -> Market:
    """A market of `seconds` after its first ten minutes; edge 0 is pure chance."""
    total = HISTORY_S + seconds
    mids, planted = _walk(np.random.default_rng(seed), total, edge)
    entries = np.arange(HISTORY_S, total - 1)
    second = np.repeat(entries, PER_SECOND)
    within = np.tile(np.arange(PER_SECOND), len(entries))
    mid = mids[second - 1] + (mids[second] - mids[second - 1]) * within / PER_SECOND
    ended, label = _touches(mids - HALF_SPREAD, second, mid + HALF_SPREAD, threshold)
    done = np.flatnonzero(ended >= 0)
    placed_ns = second * NS_PER_S + within * NS_PER_S // PER_SECOND
    resolved_ns = ended * NS_PER_S + NS_PER_S - 1
    order_id = second * ORDER_IDS_PER_S + within
    done = done[np.lexsort((order_id[done], resolved_ns[done]))]
    exits = (mids[ended[done]] - HALF_SPREAD) - (mid[done] + HALF_SPREAD)
    rows = Rows(
        np.empty((len(done), 0), dtype=np.float32),
        label[done].astype(np.uint8),
        placed_ns[done],
        resolved_ns[done],
        order_id[done],
        np.arange(1, len(done) + 1),
        np.rint(exits * 1e9).astype(np.int64),
    )
    return Market(mids, second[done], mid[done], rows, planted[second[done]])


def examples(rows: Rows, instrument: str = INSTRUMENT) -> list[Example]:
    """Rows as the labeler writes them."""
    return [
        Example(
            instrument,
            int(rows.example_seq[at]),
            int(rows.order_id[at]),
            int(rows.placed_ns[at]),
            int(rows.resolved_ns[at]),
            int(rows.label[at]),
            rows.features[at].astype("<f4").tobytes(),
            int(rows.pnl_e9[at]),
        )
        for at in range(len(rows))
    ]


def _walk(chance: np.random.Generator, total: int, edge: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    moves = chance.standard_normal(total) * SIGMA
    planted = np.zeros(total)
    scale = float(np.sqrt((PULL**2).sum())) * SIGMA
    for second in range(HISTORY_S, total):
        planted[second] = np.clip(PULL @ moves[second - HISTORY_S : second][::-1] / scale, -3.0, 3.0)
        moves[second] += edge * SIGMA * planted[second]
    return 30_000.0 + np.cumsum(moves), planted


def _touches(
    bid: NDArray[np.float64], second: NDArray[np.int64], entry: NDArray[np.float64], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The second in which each order ends (-1: not in this market), and whether in profit."""
    ended, label = np.full(len(second), -1), np.zeros(len(second), dtype=bool)
    open_orders, after = np.arange(len(second)), 0
    while len(open_orders):
        open_orders = open_orders[second[open_orders] + after < len(bid)]
        now, bought = bid[second[open_orders] + after], entry[open_orders]
        profit, loss = now >= bought + threshold, now <= bought - threshold
        over = profit | loss
        ended[open_orders[over]] = second[open_orders[over]] + after
        label[open_orders[over]] = profit[over]
        open_orders, after = open_orders[~over], after + 1
    return ended, label
