"""Recorded prices beside the made ones, where their folder is named: nobody knows a function of them.

A seed is a stretch of a file. Files that are not there are left out, and said so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.quality.zoo.families import HOUR_S
from bench.quality.zoo.market import NS_PER_S, Market, Quoted
from services.ingest.sources.replay import Replay

FAMILY = "recorded"


@dataclass(frozen=True)
class Stretch:
    """Hours of a file, counted from its first quote, and the threshold it is labelled with."""

    file: str
    first_h: float
    end_h: float
    threshold: str


BITSTAMP = "bitstamp_btcusd_20150501_quotes.csv.gz"
BITTREX = "bittrex_btcusd_20180222_quotes.csv.gz"
OANDA = "oanda_xauusd_201405_quotes.csv.gz"
# Seeds from 101 are held out, as everywhere.
STRETCHES = {
    1: Stretch(BITSTAMP, 0, 12, "20bps"),
    2: Stretch(BITTREX, 0, 3, "30bps"),
    3: Stretch(OANDA, 0, 12, "6bps"),
    4: Stretch(OANDA, 12, 21, "6bps"),
    5: Stretch(OANDA, 5 * 24, 5 * 24 + 12, "6bps"),
    101: Stretch(BITSTAMP, 12, 24, "20bps"),
    102: Stretch(OANDA, 6 * 24, 6 * 24 + 12, "6bps"),
    103: Stretch(OANDA, 7 * 24, 7 * 24 + 12, "6bps"),
    104: Stretch(OANDA, 11 * 24, 11 * 24 + 12, "6bps"),
}


@dataclass(frozen=True)
class Recorded:
    """A stretch of a recorded file."""

    folder: Path
    seed: int
    family: str = FAMILY
    market: Market | None = None

    @property
    def file(self) -> Path:
        return self.folder / self.stretch.file

    @property
    def stretch(self) -> Stretch:
        return STRETCHES[self.seed]

    @property
    def threshold(self) -> str:
        return self.stretch.threshold

    @property
    def identity(self) -> str:
        return f"{self.stretch} {self.file.stat().st_size}"

    def quotes(self) -> Iterator[Quoted]:
        """The rows of the stretch that can be read."""
        origin_ns: int | None = None
        for batch in Replay(self.file).items():
            readable = np.ones(len(batch), dtype=bool)
            readable[list(batch.faults)] = False
            if origin_ns is None:
                origin_ns = int(batch.time_ns[readable][0])
            hours = (batch.time_ns - origin_ns) / (HOUR_S * NS_PER_S)
            within = readable & (hours >= self.stretch.first_h) & (hours < self.stretch.end_h)
            yield Quoted(batch.time_ns[within], batch.bid_e9[within], batch.offer_e9[within])
            if hours[-1] > self.stretch.end_h:
                return


def there(folder: Path | None, seeds: Sequence[int]) -> tuple[list[Recorded], list[str]]:
    """The stretches of these seeds whose files are in the folder, and a sentence for each left out."""
    if folder is None:
        return [], ["recorded: left out, no folder of recorded files was named (--data)"]
    known = [Recorded(folder, seed) for seed in seeds if seed in STRETCHES]
    missing = sorted({one.file.name for one in known if not one.file.exists()})
    return [one for one in known if one.file.exists()], [
        f"recorded: {name} left out, it is not there" for name in missing
    ]
