"""The 605 features of an order: names, schema, and how they are computed from the past of one session.

See docs/semantics.md, "Features".
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.market import Int64
from tidewheel.domain.prices import E9, mid_e9

HISTORY_S = 600
FEATURE_NAMES = (
    "bid",
    "offer",
    "day_open",
    "day_high",
    "day_low",
    *(f"mid_{lag}s" for lag in range(1, HISTORY_S + 1)),
)
FEATURE_COUNT = len(FEATURE_NAMES)
SCHEMA_HASH = sha256(",".join(FEATURE_NAMES).encode()).digest()
FEATURES_BYTES = 4 * FEATURE_COUNT


@dataclass(frozen=True, slots=True)
class DayMids:
    """The day's opening mid, high and low as of the end of some second."""

    open_e9: int
    high_e9: int
    low_e9: int


def feature_row(bid_e9: int, offer_e9: int, day: DayMids, mids_e9: Int64) -> NDArray[np.float32]:
    """Features of an order in second s; shape (605,), float32 of the float64 (value - mid at the instant) / 1e9.

    `bid_e9`, `offer_e9`: in force at the instant. `day`: as of the end of second s-1. `mids_e9`: closing mids of the
    600 seconds before s, oldest first, shape (600,).
    """
    row = np.empty(FEATURE_COUNT, dtype=np.int64)
    row[:5] = bid_e9, offer_e9, day.open_e9, day.high_e9, day.low_e9
    row[5:] = mids_e9[::-1]
    row -= mid_e9(bid_e9, offer_e9)
    return (row / np.float64(E9)).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One training row. `features`: 605 little-endian float32 as bytes, as they travel."""

    instrument: str
    example_seq: int
    order_id: int
    placed_ns: int
    resolved_ns: int
    label: int
    features: bytes
    pnl_e9: int
    schema_hash: bytes = SCHEMA_HASH
