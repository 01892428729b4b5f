"""Seeded markets as windows of examples, by the services' own cores and no broker: what a trainer would be given."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from services.ingest.core import IngestCore
from services.ingest.seconds import Rules
from services.ingest.sources.simulator import Simulator
from services.labeler.core import Labeler
from services.orderbot.core import OrderRule, orders_of
from services.trainer.core import Window, Windows
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.prices import Threshold
from tidewheel.domain.windows import Windowing

INSTRUMENT = "sim:QUALITY"
RULES = Rules(quiet_s=600, stale_s=60)
ORDERS = OrderRule(5, Threshold.parse("10"))
# Features 5 … 604 are the mids of 1 … 600 seconds ago, relative to the mid in force.
MIDS = slice(5, 605)


def windows(seed: int, edge: float, size: int) -> Iterator[Window]:
    """Window after window of one market, without end; `edge` as in the simulator, 0 for pure chance."""
    ingest, labeler = IngestCore(INSTRUMENT, SourceKind.SIMULATED, RULES), Labeler(INSTRUMENT)
    filling = Windows(Windowing(size, size))
    offset = 0
    for item in Simulator(seed, edge).items():
        for second in ingest.on_item(item):
            if not isinstance(second, MarketSecond):
                continue
            for _, example in (*labeler.on_orders(orders_of(second, ORDERS)), *labeler.on_second(second)):
                if example is not None:
                    happenings = filling.on_example(example, 0, offset)
                    offset += 1
                    yield from (one for one in happenings if isinstance(one, Window))


def planted(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the simulator's drift is proportional to: the mean of the 600 mids minus the newest. Shape (rows,)."""
    mids = features[:, MIDS].astype(np.float64)
    result: NDArray[np.float64] = mids.mean(axis=1) - mids[:, 0]
    return result
