"""Records of several instruments in order of their seconds. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from operator import itemgetter
from typing import TypeVar

from tidewheel.domain.market import MarketSecond
from tidewheel.recordings.quotes import RejectedRow
from tidewheel.venues.rows import FeedChange

Record = MarketSecond | RejectedRow | FeedChange
Owner = TypeVar("Owner")


def by_second(streams: Sequence[tuple[Owner, Iterable[Record]]]) -> Iterator[tuple[Owner, Record]]:
    """Each record with the owner of its stream. A stream keeps its order; what is no second goes with the second before
    it, and of one second the stream that was given first goes first."""
    if len(streams) == 1:
        owner, records = streams[0]
        return ((owner, record) for record in records)
    ordered = merge(*(_keyed(owner, records) for owner, records in streams), key=itemgetter(0))
    return ((owner, record) for _, owner, record in ordered)


def _keyed(owner: Owner, records: Iterable[Record]) -> Iterator[tuple[int, Owner, Record]]:
    second = -1
    for record in records:
        if isinstance(record, MarketSecond):
            second = record.second
        yield second, owner, record
