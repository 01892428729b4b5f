"""Live quotes on their way to ingest: rows, word of the connection, and columns made of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.recordings.quotes import Fault, RawBatch

NUMBERS = 10  # of a row: its first fields, which become columns


class Row(NamedTuple):
    """One quote of an instrument, or one that cannot be used: then `fault` says why. `place`: number of the message."""

    place: int
    time_ns: int
    bid_e9: int
    offer_e9: int
    bid_size_e9: int
    offer_size_e9: int
    venue_time_ns: int
    venue_seq: int
    flags: int
    parse_flags: int
    instrument: str
    epoch: int
    text: str
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class FeedChange:
    """What happened to a feed, of one instrument. `epoch` counts the connections of this process."""

    instrument: str
    event: FeedEvent
    time_ns: int
    detail: str
    epoch: int


def raw_batches(rows: Sequence[Row]) -> list[RawBatch]:
    """The rows of one instrument in columns, a batch a connection."""
    return [_batch(epoch, list(own)) for epoch, own in groupby(rows, key=lambda row: row.epoch)]


def _batch(epoch: int, rows: list[Row]) -> RawBatch:
    columns = np.array([row[:NUMBERS] for row in rows], dtype=np.int64).T.copy()
    place, time_ns, bid, offer, bid_size, offer_size, venue_time, venue_seq, flags, parsed = columns
    parse_flags = parsed.astype(np.uint8)
    return RawBatch(
        *(place, time_ns, bid, offer, bid_size, offer_size, venue_time, venue_seq, flags.astype(np.uint16)),
        parse_flags=parse_flags if parse_flags.any() else parse_flags[:0],
        faults={index: row.fault for index, row in enumerate(rows) if row.fault is not None},
        raw=lambda index: rows[index].text.encode(errors="replace"),
        connection_epoch=epoch,
    )
