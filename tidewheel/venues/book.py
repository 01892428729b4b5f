"""A venue's order book kept here, and the best bid and offer that follow from it. Pure: frames in, frames out.

A book is as good as the last change of it: what cannot be read may have been one. So whatever leaves a book in doubt
drops it, and a new connection brings a new one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.recordings.fields import FieldError
from tidewheel.recordings.quotes import Fault
from tidewheel.venues.frames import BookChange, BookSnapshot, Broken, Faulty, Frame, Heartbeat, Ignored, Level, Quote
from tidewheel.venues.parsing import price_e9

# Of one side; no venue has as many.
LEVELS_MAX = 500_000
# So many messages in a row that leave no usable quote, and the book is not the venue's.
UNUSABLE_MAX = 10


def _level(side: str, level: Level) -> tuple[int, int]:
    """Price and size in 1e-9 units. Raises FieldError."""
    price, exact = price_e9(side, level[0])
    if not exact:
        raise FieldError(DeadLetterReason.MALFORMED, f"{side} {level[0]:.50} has more than nine decimals")
    if price <= 0:
        raise FieldError(DeadLetterReason.NOT_POSITIVE, f"{side} {level[0]:.50} is not above zero")
    size, exact = price_e9("size", level[1])
    if size < 0:
        raise FieldError(DeadLetterReason.MALFORMED, f"size {level[1]:.50} is below zero")
    return price, size if size or exact else 1  # less than can be kept is not nothing


class Side:
    """Sizes by price. `best`: its first price, by `first` of any two."""

    def __init__(self, name: str, first: Callable[[Iterable[int]], int]) -> None:
        self._name = name
        self._first = first
        self._sizes: dict[int, int] = {}
        self.best: int | None = None

    def fill(self, levels: Sequence[Level]) -> None:
        """All of it anew. Raises FieldError."""
        self.change([_level(self._name, level) for level in levels])

    def change(self, levels: Sequence[tuple[int, int]]) -> None:
        """Set sizes; 0 takes a price out. Raises FieldError."""
        sizes = self._sizes
        for price, size in levels:
            if size:
                sizes[price] = size
                self.best = price if self.best is None else self._first((self.best, price))
            elif sizes.pop(price, None) is not None and price == self.best:
                self.best = self._first(sizes) if sizes else None
        if len(sizes) > LEVELS_MAX:
            raise FieldError(DeadLetterReason.MALFORMED, f"{self._name} has over {LEVELS_MAX:,} prices")

    def size(self) -> int:
        """At its best price."""
        return 0 if self.best is None else self._sizes[self.best]


class LocalBook:
    """One symbol's, by one connection."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._bids, self._offers = Side("bid", max), Side("offer", min)
        self._last_best: tuple[int, ...] | None = None

    def fill(self, snapshot: BookSnapshot) -> Frame:
        """All of it. Raises FieldError."""
        self._bids.fill(snapshot.bids)
        self._offers.fill(snapshot.offers)
        return self._quote(snapshot.venue_time_ns, snapshot=True)

    def change(self, change: BookChange) -> Frame:
        """A few prices of it. Raises FieldError, after which it is good for nothing."""
        self._bids.change([_level("bid", level) for level in change.bids])
        self._offers.change([_level("offer", level) for level in change.offers])
        return self._quote(change.venue_time_ns, snapshot=False)

    def _quote(self, time_ns: int, *, snapshot: bool) -> Frame:
        """What is best now; a sign of life where that is as before."""
        bid, offer = self._bids.best, self._offers.best
        if bid is None or offer is None:
            side = "bid" if bid is None else "offer"
            return Faulty(Fault(DeadLetterReason.MALFORMED, f"{side} is empty"), self._symbol)
        best = bid, offer, self._bids.size(), self._offers.size()
        if best == self._last_best:
            return Heartbeat(self._symbol)
        self._last_best = best
        return Quote(self._symbol, *best, venue_time_ns=time_ns, snapshot=snapshot)


@dataclass(slots=True)
class Books:
    """The books of one venue by connection and symbol; of symbols that are not asked for none is kept."""

    symbols: frozenset[str]
    _books: dict[tuple[int, str], LocalBook] = field(default_factory=dict)
    _unusable: dict[tuple[int, str], int] = field(default_factory=dict)

    def quotes(self, number: int, frames: Iterable[Frame]) -> tuple[Frame, ...]:
        """What a message of connection `number` says once its books have heard it."""
        return tuple(frame for one in frames for frame in self._frames(number, one))

    def _frames(self, number: int, frame: Frame) -> Iterable[Frame]:
        if isinstance(frame, BookSnapshot | BookChange):
            if frame.symbol not in self.symbols:
                return (Ignored("a book that was not asked for"),)
            return self._judged(number, frame.symbol, self._applied(number, frame))
        if isinstance(frame, Faulty) and not frame.symbol and self._drop(number):
            return (frame, Broken("a message that cannot be read may have been a change of the book"))
        return (frame,)

    def _applied(self, number: int, frame: BookSnapshot | BookChange) -> tuple[Frame, ...]:
        key = number, frame.symbol
        try:
            if isinstance(frame, BookSnapshot):
                self._forget_before(number)
                self._books[key] = book = LocalBook(frame.symbol)
                return (book.fill(frame),)
            if (known := self._books.get(key)) is not None:
                return (known.change(frame),)
        except FieldError as bad:
            del self._books[key]
            faulty = Faulty(bad.fault, frame.symbol)
            if isinstance(frame, BookSnapshot):  # the next one may do
                return (faulty,)
            return faulty, Broken(f"a change of the book cannot be used: {bad.fault.detail:.100}")
        detail = "it changes a book that was not said before"
        return (Faulty(Fault(DeadLetterReason.MALFORMED, detail), frame.symbol),)

    def _judged(self, number: int, symbol: str, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        """Count what leaves no usable quote; too many in a row, and the book is not the venue's."""
        key, first = (number, symbol), frames[0]
        if isinstance(first, Heartbeat) or (isinstance(first, Quote) and first.bid_e9 <= first.offer_e9):
            self._unusable.pop(key, None)
            return frames
        self._unusable[key] = self._unusable.get(key, 0) + 1
        if self._unusable[key] < UNUSABLE_MAX:
            return frames
        self._drop(number)
        return *frames, Broken(f"{UNUSABLE_MAX} messages in a row left no usable quote")

    def _drop(self, number: int) -> bool:
        """Whether there was any book of it."""
        own = [key for key in (*self._books, *self._unusable) if key[0] == number]
        for key in own:
            self._books.pop(key, None)
            self._unusable.pop(key, None)
        return bool(own)

    def _forget_before(self, number: int) -> None:
        """Of connections before the one that another takes over from nothing is needed."""
        for old in {key[0] for key in self._books if key[0] < number - 1}:
            self._drop(old)
