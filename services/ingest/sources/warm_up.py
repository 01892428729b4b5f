"""Recordings before a live feed: as if its instruments had been heard then, one recording after another.

What comes live after them is a session of its own, so nothing reaches across: their last second says that it ends its
session, and the first live quote is one after a gap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from tidewheel.domain.market import SourceKind, TickFlag
from tidewheel.domain.time import NS_PER_S
from tidewheel.presentation.times import market_time
from tidewheel.recordings.dealing import Dealt
from tidewheel.recordings.quotes import RawBatch, SourceError
from tidewheel.recordings.validator import usable_rows

# A row's place is that in its recording, and the recording's number, from 1, times two to this.
PART_SHIFT = 52


class Recorded(Protocol):
    """One recording: `Replay` of one instrument, or `Frames`."""

    name: str

    def layouts(self) -> list[str]: ...

    def describe(self, place: int) -> str: ...

    def dealt(self) -> Iterator[Dealt]: ...


class WarmUp:
    """`instruments`: whole ids of those that the recordings hold; `until_ns`: when the live feed begins, the wall clock
    at the start."""

    kind = SourceKind.REPLAY
    replayable = True

    def __init__(self, recordings: Sequence[Recorded], instruments: Sequence[str], until_ns: int) -> None:
        self._recordings = recordings
        self._until_ns = until_ns
        self.instruments: tuple[str, ...] = tuple(instruments)
        names = ",".join(one.name.partition(":")[2] for one in recordings)
        self.name = f"warm-up:{names}"
        self._latest: dict[str, int] = {}  # instrument -> time of its latest quote
        self._epochs: dict[str, int] = {}  # instrument -> connections so far

    def layouts(self) -> list[str]:
        """How each is read."""
        return [line for one in self._recordings for line in one.layouts()]

    def describe(self, place: int) -> str:
        """A row's place in its recording, in words."""
        return self._recordings[(place >> PART_SHIFT) - 1].describe(place % (1 << PART_SHIFT))

    def items(self) -> Iterator[Dealt]:
        """Raises SourceError as the recordings do, and where one begins before the one before it ends, or holds what
        is yet to come."""
        for number, recording in enumerate(self._recordings, start=1):
            epochs, begun = dict(self._epochs), set[str]()
            for dealt in recording.dealt():
                ids = {instrument or self.instruments[0]: batches for instrument, batches in dealt.items()}
                yield {
                    instrument: [self._placed(one, instrument, number, epochs, begun) for one in batches]
                    for instrument, batches in ids.items()
                }

    def remaining(self) -> Iterator[Dealt]:
        """The next start reads them."""
        return iter(())

    def _placed(
        self, batch: RawBatch, instrument: str, number: int, epochs: dict[str, int], begun: set[str]
    ) -> RawBatch:
        epoch = epochs.get(instrument, 0) + batch.connection_epoch
        place = batch.place + (number << PART_SHIFT)
        usable = np.flatnonzero(usable_rows(batch))
        flags = batch.flags
        if len(usable):
            first_ns, last_ns = int(batch.time_ns[usable[0]]), int(batch.time_ns[usable].max())
            if instrument not in begun:
                self._check_begin(instrument, number, first_ns)
                flags = flags.copy() if len(flags) else np.zeros(len(batch), dtype=np.uint16)
                flags[usable[0]] |= np.uint16(TickFlag.GAP_BEFORE if number > 1 else 0)
                begun.add(instrument)
            self._check_past(number, last_ns)
            self._latest[instrument] = max(self._latest.get(instrument, 0), last_ns)
            self._epochs[instrument] = epoch
        return replace(batch, place=place, flags=flags, connection_epoch=epoch)

    def _check_begin(self, instrument: str, number: int, first_ns: int) -> None:
        latest_ns = self._latest.get(instrument, 0)
        if first_ns < latest_ns:
            begins, ends = (market_time(time_ns // NS_PER_S) for time_ns in (first_ns, latest_ns))
            raise SourceError(
                f"{self._recordings[number - 1].name} begins at {begins} and what is before it ends at {ends}: name "
                "the recordings in the order of their time"
            )

    def _check_past(self, number: int, last_ns: int) -> None:
        if last_ns > self._until_ns:
            name, last = self._recordings[number - 1].name, market_time(last_ns // NS_PER_S)
            raise SourceError(f"{name} holds a quote of {last}, which is yet to come by this machine's clock")
