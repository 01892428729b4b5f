"""Where quotes come from. A source knows its format and nothing of sessions, seconds or Kafka."""

from collections.abc import Callable, Iterator
from typing import Protocol

from tidewheel.domain.market import SourceKind
from tidewheel.recordings.dealing import Dealt
from tidewheel.recordings.quotes import RawBatch, Watermark
from tidewheel.venues.rows import FeedChange

Clock = Callable[[], int]  # in ns, the wall clock since the epoch, UTC
# What a live source gives in one step, of each instrument in order.
Items = dict[str, list[RawBatch | FeedChange | Watermark]]
Item = RawBatch | Watermark | Dealt | Items


class Source(Protocol):
    """What the service's loop reads. To add one, see `docs/how-to/add-a-venue.md`.

    `items` is called once. A live source mixes `Watermark`s with its batches, from a clock handed to it, so that quiet
    seconds close; a recorded one ends, which ends its session. It raises `SourceError` where it cannot go on, after
    yielding all it could read.
    """

    @property
    def name(self) -> str:
        """What dead letters call it: `replay:<file name>`, `sim`."""
        ...

    @property
    def instruments(self) -> tuple[str, ...] | None:
        """None for a source of the one instrument that is set. Else its items say of which symbols they are, or by
        whole ids where the source is of several venues: these are wanted, or whichever come where none is named."""
        ...

    @property
    def kind(self) -> SourceKind: ...

    @property
    def replayable(self) -> bool:
        """Whether it begins anew with the same rows at each start."""
        ...

    def layouts(self) -> list[str]:
        """How it reads what it reads, a line each, shown before anything runs. Raises SourceError."""
        ...

    def describe(self, place: int) -> str:
        """A row's place in words."""
        ...

    def items(self) -> Iterator[Item]: ...

    def remaining(self) -> Iterator[Item]:
        """What came and was not yet given when the service is to stop; nothing of a source that begins anew."""
        ...
