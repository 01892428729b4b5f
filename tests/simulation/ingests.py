"""Ingest in the simulation: the real service on a source in memory, of which some rows are no ticks."""

from collections.abc import Iterator
from random import Random

import numpy as np

from services.ingest.app import Ingest
from services.ingest.settings import Settings
from tests.oracle import Row
from tests.simulation.inputs import SETTINGS, ExpectedMarket
from tidewheel.domain.feeds import Feed
from tidewheel.domain.market import SourceKind
from tidewheel.recordings.quotes import RawBatch
from tidewheel.runtime.kafka import Clients
from tidewheel.runtime.process import Context

FILE = "market.csv"


class InMemorySource:
    """A recorded file that is a list; batches are cut by chance."""

    name = f"replay:{FILE}"
    kind = SourceKind.REPLAY
    replayable = True
    instruments = None

    def __init__(self, market: ExpectedMarket, chance: Random) -> None:
        self._chance = chance
        crossed = {row.line: row for row in market.crossed}
        self._rows = [
            one for row in market.rows for one in ([crossed[row.line], row] if row.line in crossed else [row])
        ]

    def layouts(self) -> list[str]:
        return []

    def describe(self, place: int) -> str:
        return f"line {place}"

    def items(self) -> Iterator[RawBatch]:
        rest = self._rows
        while rest:
            count = self._chance.randint(1, 40)
            yield _batch(rest[:count])
            rest = rest[count:]

    def remaining(self) -> Iterator[RawBatch]:
        return iter(())


def _batch(rows: list[Row]) -> RawBatch:
    columns = [(row.line, row.time_ns, row.bid, row.offer) for row in rows]
    return RawBatch(*np.array(columns, dtype=np.int64).T)


def ingest(market: ExpectedMarket, context: Context, clients: Clients, chance: Random) -> None:
    """One process, from its start to its file's end."""
    _, symbol = market.instrument.split(":")
    settings = Settings(
        kafka="simulated",
        feed=Feed.parse(f"replay:{FILE}"),
        instrument=symbol,
        speed=float("inf"),
        ahead_max_s=0,
        quiet_s=SETTINGS.quiet_s,
        stale_s=SETTINGS.stale_s,
    )
    source = InMemorySource(market, chance)
    Ingest(settings, context, source, lambda _: market.partition, clients).run(source.items())
