"""Of some fields a venue sends only what has changed: what it sent before is kept here. Pure: frames in, frames out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol
from urllib.parse import unquote

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.recordings.fields import FieldError
from tidewheel.venues.frames import Broken, Faulty, Fields, Frame, Heartbeat, Ignored

Values = dict[str, str | None]


class Reading(Protocol):
    """What fields say. Raises FieldError."""

    def __call__(self, symbol: str, values: Mapping[str, str | None], *, snapshot: bool) -> Frame: ...


class MergedFields:
    """Items of one venue by connection; item n is the n-th symbol. `names`: of the fields, in the order of sending."""

    def __init__(self, symbols: Sequence[str], names: Sequence[str], read: Reading) -> None:
        self._symbols = symbols
        self._names = names
        self._read = read
        self._kept: dict[tuple[int, int], Values] = {}

    def quotes(self, number: int, frames: Iterable[Frame]) -> tuple[Frame, ...]:
        """What a message of connection `number` says, with what was said before."""
        return tuple(frame for one in frames for frame in self._frames(number, one))

    def _frames(self, number: int, frame: Frame) -> tuple[Frame, ...]:
        if isinstance(frame, Faulty) and not frame.symbol and self._drop(number):
            return (frame, Broken("a message that cannot be read may have been a change of a price"))
        if not isinstance(frame, Fields):
            return (frame,)
        if not 0 < frame.item <= len(self._symbols):
            return (Ignored("an item that was not asked for"),)
        symbol = self._symbols[frame.item - 1]
        before = self._kept.get((number, frame.item))
        try:
            values = self._merged(frame.values, before)
        except FieldError as bad:
            self._drop(number)
            return Faulty(bad.fault, symbol), Broken(f"a change of a price cannot be used: {bad.fault.detail:.100}")
        self._keep(number, frame.item, values)
        if values == before:
            return (Heartbeat(symbol),)
        try:
            return (self._read(symbol, values, snapshot=before is None),)
        except FieldError as bad:
            return (Faulty(bad.fault, symbol),)

    def _merged(self, sent: Sequence[str], before: Values | None) -> Values:
        """All fields as they are now. Raises FieldError where it does not fit what was said before."""
        now: list[str | None] = []
        past = [None if before is None else before[name] for name in self._names]
        for token in sent:
            if (count := _unchanged(token)) and len(now) + count <= len(past):
                now += past[len(now) : len(now) + count]
            else:
                now.append(_decoded(token))
        if len(now) != len(past) or any(_unchanged(token) > len(past) for token in sent):
            detail = f"it has other fields than the {len(past)} that were asked for"
            raise FieldError(DeadLetterReason.MALFORMED, detail)
        return dict(zip(self._names, now, strict=True))

    def _keep(self, number: int, item: int, values: Values) -> None:
        if (number, item) not in self._kept:  # of connections before it nothing is needed any more
            self._kept = {key: kept for key, kept in self._kept.items() if key[0] >= number - 1}
        self._kept[number, item] = values

    def _drop(self, number: int) -> bool:
        """Whether anything was kept of it."""
        own = [key for key in self._kept if key[0] == number]
        for key in own:
            del self._kept[key]
        return bool(own)


def _unchanged(token: str) -> int:
    """Of how many fields from here on it says that they are as before."""
    if token == "":
        return 1
    return int(token[1:]) if token[0] == "^" and token[1:].isdecimal() and token.isascii() and len(token) < 5 else 0


def _decoded(token: str) -> str | None:
    if token == "#":
        return None
    return "" if token == "$" else unquote(token)
