"""Seeded markets as windows of examples, by the services' own cores and no broker: what a trainer would be given."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from services.ingest.core import IngestCore
from services.ingest.seconds import SessionRules
from services.ingest.sources.planted_drift import CURVATURE_LAG_S, CURVATURE_SPAN_S
from services.ingest.sources.simulator import START_S, Simulator
from services.labeler.core import Labeler
from services.orderbot.core import OrderRule, orders_of
from services.trainer.dataset.rows import Rows
from services.trainer.windows.count_windows import Window, Windows
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.market_events import MarketEvent
from tidewheel.domain.prices import Threshold
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.windows import Windowing

INSTRUMENT = "sim:QUALITY"
RULES = SessionRules(quiet_s=600, stale_s=60)
ORDERS = OrderRule(5, Threshold.parse("10"))
# Features 5 … 604 are the mids of 1 … 600 seconds ago, relative to the mid in force.
MIDS = slice(5, 605)


def windows(
    seed: int,
    edge: float,
    size: int,
    *,
    step: int = 0,
    flip_s: int = 0,
    memory: int = 1,
    events: Callable[[], Sequence[MarketEvent]] = tuple,
) -> Iterator[Window]:
    """Window after window of one market, without end; `edge` as in the simulator, 0 for pure chance, and `flip_s` as
    there, 0 for never. `step` 0: the window. `memory`: windows that one remembers, its own among them. `events`:
    asked as the simulator asks."""
    ingest, labeler = IngestCore(INSTRUMENT, SourceKind.SIMULATED, RULES), Labeler(INSTRUMENT)
    filling = Windows(Windowing(size, step or size), memory)
    offset = 0
    for item in Simulator(seed, edge, flip_s, events).items():
        for second in ingest.on_item(item):
            if not isinstance(second, MarketSecond):
                continue
            for _, example in (*labeler.on_orders(orders_of(second, ORDERS)), *labeler.on_second(second)):
                if example is not None:
                    events = filling.on_example(example, 0, offset)
                    offset += 1
                    yield from (one for one in events if isinstance(one, Window))


def half_way_s(count: int, size: int) -> int:
    """The market second at which about half the examples of `count` windows are there: the first order with features
    comes after 600 s, and then some 5 a second."""
    return 600 + count * size // (2 * ORDERS.per_second)


def flipped(rows: Rows, flip_s: int) -> NDArray[np.bool_]:
    """Which rows were placed when the edge had turned."""
    return rows.placed_ns >= (START_S + flip_s) * NS_PER_S


def planted(rows: Rows, flip_s: int = 0) -> NDArray[np.float64]:
    """What the simulator's drift is proportional to when each row is placed. Shape (rows,)."""
    if not flip_s:
        return pulled(rows.features)
    return np.where(flipped(rows, flip_s), -1.0, 1.0) * bent(rows.features)


def pulled(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean of the 600 mids minus the newest: the market that never flips."""
    mids = features[:, MIDS].astype(np.float64)
    result: NDArray[np.float64] = mids.mean(axis=1) - mids[:, 0]
    return result


def bent(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """How the newest and the oldest of three stretches of mids lie to the one between: the market that flips, before
    it does."""
    stretches = (
        features[:, MIDS][:, CURVATURE_LAG_S : CURVATURE_LAG_S + 3 * CURVATURE_SPAN_S]
        .astype(np.float64)
        .reshape(-1, 3, CURVATURE_SPAN_S)
    )
    newest, middle, oldest = stretches.mean(axis=2).T
    result: NDArray[np.float64] = newest - 2 * middle + oldest
    return result
