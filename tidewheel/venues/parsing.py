"""From a venue's text to frames, exactly and with a bound on all that a parser sees. Nothing here raises.

Numbers stay the text that was sent until they are prices: no float is made of any.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.prices import E9, INT64_MAX
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.fields import FieldError, parse_number_e9
from tidewheel.recordings.quotes import NO_SIZE, Fault, ParseFlag
from tidewheel.venues.adapter import Adapter
from tidewheel.venues.frames import Acknowledged, Faulty, Frame, Quote

WHOLE_CHARS_MAX = 18
FRACTION_CHARS_MAX = 9
PLAIN_CHARS_MAX = 9  # of the whole part of a number that fits for sure
SHOWN_CHARS = 50
# One for all: making one takes longer than most messages do. Nothing becomes a float, or a whole number of any length.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def parse(adapter: Adapter, text: str) -> Iterable[Frame]:
    """What a message says, at least one frame."""
    if text in adapter.plain:
        return (adapter.plain[text],)
    if len(text) > adapter.message_bytes_max:
        return (_malformed(f"it has {len(text):,} characters"),)
    try:
        message = (adapter.decode or _DECODER.decode)(text)
    except (ValueError, RecursionError) as failure:
        what = "it cannot be read" if adapter.decode else "it is no JSON"
        return (_malformed(f"{what}: {str(failure)[:SHOWN_CHARS]}"),)
    try:
        frames = tuple(adapter.read(message))
        if not all(map(_names_texts, frames)):
            return (_malformed("a symbol of it is no text"),)
        return frames
    except FieldError as bad:
        return (Faulty(bad.fault),)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as failure:
        return (_malformed(f"it is not of the form that {adapter.name} sends: {failure!r:.80}"),)


def _names_texts(frame: Frame) -> bool:
    """Symbols are looked up, which not all that JSON can hold can be."""
    if isinstance(frame, Acknowledged):
        return all(type(symbol) is str for symbol in frame.symbols)
    return type(getattr(frame, "symbol", "")) is str


def _malformed(detail: str) -> Faulty:
    return Faulty(Fault(DeadLetterReason.MALFORMED, detail))


def quote(
    symbol: str,
    bid: Any,
    offer: Any,
    sizes: tuple[Any, Any] = (None, None),
    *,
    venue_time_ns: int = 0,
    venue_seq: int = -1,
    snapshot: bool = False,
    last_trade: int = -1,
) -> Quote | Faulty:
    """A quote of fields as they were sent, or why it is none. A size that cannot be kept is left out, and told."""
    try:
        bid_e9, exact = price_e9("bid", bid)
        offer_e9, offer_exact = price_e9("offer", offer)
    except FieldError as bad:
        return Faulty(bad.fault, symbol)
    flags = 0 if exact and offer_exact else ParseFlag.PRICE_ROUNDED
    bid_size, offer_size = (size_e9(size) for size in sizes)
    if bid_size is None or offer_size is None:
        flags |= ParseFlag.SIZE_LEFT_OUT
        bid_size, offer_size = (NO_SIZE if size is None else size for size in (bid_size, offer_size))
    return Quote(
        symbol, bid_e9, offer_e9, bid_size, offer_size, venue_time_ns, venue_seq, snapshot, int(flags), last_trade
    )


def price_e9(name: str, value: Any) -> tuple[int, bool]:
    """A side in 1e-9 units, and whether it is exactly what was sent. Raises FieldError."""
    if type(value) is not str:
        what = "is empty" if value is None else f"is a {type(value).__name__}"
        raise FieldError(DeadLetterReason.MALFORMED, f"{name} {what}")
    whole, _, fraction = value.partition(".")
    # What most numbers are; anything else is read by the definition.
    if (
        len(whole) <= PLAIN_CHARS_MAX
        and len(fraction) <= FRACTION_CHARS_MAX
        and value.isascii()
        and whole.isdigit()
        and fraction.isdigit()
    ):
        return int(whole) * E9 + int(fraction) * 10 ** (FRACTION_CHARS_MAX - len(fraction)), True
    return parse_number_e9(name, value)


def size_e9(value: Any) -> int | None:
    """A size, NO_SIZE where none was sent; None for one that cannot be kept."""
    if value is None:
        return NO_SIZE
    try:
        size, exact = price_e9("size", value)
    except FieldError:
        return None
    return size if size or exact else None


def whole_number(name: str, value: Any) -> int:
    """A number of no fraction that is not negative. Raises FieldError."""
    if type(value) is not str or len(value) > WHOLE_CHARS_MAX or not value.isascii() or not value.isdigit():
        raise FieldError(DeadLetterReason.MALFORMED, f"{name} {str(value)[:SHOWN_CHARS]!r} is no whole number")
    return int(value)


def iso_time_ns(value: Any) -> int:
    """`2022-12-25T09:30:59.123456Z` in ns. Raises FieldError."""
    text = str(value)
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    fits = len(seconds) == 19 and len(fraction) <= FRACTION_CHARS_MAX and text.isascii() and text.endswith("Z")
    if not fits or not (fraction.isdigit() or not fraction):
        raise FieldError(DeadLetterReason.MALFORMED, f"time {text[:SHOWN_CHARS]!r} is no instant of UTC")
    try:
        at = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
    except ValueError:
        raise FieldError(DeadLetterReason.MALFORMED, f"time {text[:SHOWN_CHARS]!r} is no instant of UTC") from None
    return _checked_time(
        int(at.timestamp()) * NS_PER_S + int(fraction or 0) * 10 ** (FRACTION_CHARS_MAX - len(fraction)), text
    )


def epoch_ms_ns(value: Any) -> int:
    """Milliseconds since the epoch in ns. Raises FieldError."""
    return _checked_time(whole_number("time", value) * 1_000_000, str(value))


def _checked_time(time_ns: int, text: str) -> int:
    if not 0 < time_ns <= INT64_MAX:
        raise FieldError(DeadLetterReason.MALFORMED, f"time {text[:SHOWN_CHARS]} is of no year that fits")
    return time_ns
