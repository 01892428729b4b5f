"""What the cores make of a market, in the few columns that tell all of it.

A window of 10,000 examples is 24 MB of features, though the 600 mids of an example are those of the one before it,
moved on. So what is kept is the closing mid and the day's figures of each second, and of each example the quote it was
placed at. Features are cut from that when they are needed, bit for bit those of the labeler: by the same whole numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tidewheel.domain.features import FEATURE_COUNT, HISTORY_S, Example
from tidewheel.domain.market import Int64
from tidewheel.domain.prices import E9, mid_e9
from tidewheel.domain.time import NS_PER_S

# Few enough for the processor's cache.
BATCH_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class MarketColumns:
    """Market seconds in order, then examples by `example_seq` from 1. Each of the two has columns of one length."""

    second: Int64
    mid_e9: Int64
    day_open_e9: Int64
    day_high_e9: Int64
    day_low_e9: Int64
    order_id: Int64
    placed_ns: Int64
    resolved_ns: Int64
    bid_e9: Int64
    offer_e9: Int64
    label: NDArray[np.uint8]
    pnl_e9: Int64

    @classmethod
    def named(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))

    @property
    def examples(self) -> int:
        return len(self.label)

    def save(self, folder: Path) -> None:
        """A file a column in a new folder. Raises OSError."""
        folder.mkdir(parents=True)
        for name in self.named():
            np.save(folder / name, getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> "MarketColumns":
        """What `save` wrote. The files stay where they are: what is not looked at needs no memory. Raises OSError."""
        return cls(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in cls.named()})


class FeatureExtractor:
    """Cuts the features of a market's examples."""

    def __init__(self, columns: MarketColumns) -> None:
        self._columns = columns
        # Entry i: the mids of entries i … i + 599, newest first.
        padded = columns.mid_e9 if len(columns.mid_e9) >= HISTORY_S else np.zeros(HISTORY_S, dtype=np.int64)
        self._mids = sliding_window_view(padded, HISTORY_S)[:, ::-1]

    def features(self, which: NDArray[np.intp]) -> NDArray[np.float32]:
        """Of the examples at these places, counted from 0: shape (n, 605), as `domain.features.cut` has them."""
        made = self._columns
        # Market seconds have no gap within a session, and an example's 600 seconds lie within one.
        before = np.searchsorted(made.second, made.placed_ns[which] // NS_PER_S) - 1
        features = np.empty((len(which), FEATURE_COUNT), dtype=np.float32)
        for start in range(0, len(which), BATCH_ROWS):
            part = slice(start, start + BATCH_ROWS)
            features[part] = self._cut(which[part], before[part]) / np.float64(E9)
        return features

    def _cut(self, which: NDArray[np.intp], before: NDArray[np.intp]) -> Int64:
        """Prices relative to the mid at each example's instant, each placed in the second after `before`."""
        made = self._columns
        bid, offer = made.bid_e9[which], made.offer_e9[which]
        prices = np.empty((len(which), FEATURE_COUNT), dtype=np.int64)
        prices[:, 0], prices[:, 1] = bid, offer
        for place, day in enumerate((made.day_open_e9, made.day_high_e9, made.day_low_e9), start=2):
            prices[:, place] = day[before]
        prices[:, 5:] = self._mids[before - (HISTORY_S - 1)]
        prices -= mid_e9(bid, offer)[:, np.newaxis]  # type: ignore[arg-type,index]
        return prices


def examples(columns: MarketColumns, instrument: str) -> Iterator[Example]:
    """The training rows as the labeler made them, one after another."""
    extractor = FeatureExtractor(columns)
    for start in range(0, columns.examples, BATCH_ROWS):
        which = np.arange(start, min(start + BATCH_ROWS, columns.examples))
        example_columns = (columns.order_id, columns.placed_ns, columns.resolved_ns, columns.label, columns.pnl_e9)
        rows = zip(*(column[which].tolist() for column in example_columns), extractor.features(which), strict=True)
        for seq, (order_id, placed_ns, resolved_ns, label, pnl_e9, features) in enumerate(rows, start=start + 1):
            feature_bytes = features.astype("<f4").tobytes()
            yield Example(instrument, seq, order_id, placed_ns, resolved_ns, label, feature_bytes, pnl_e9)
