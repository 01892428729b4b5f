"""What is declared of a venue: where it is, what is said to it, what its messages mean, which limits it sets."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tidewheel.venues.frames import Frame

DAY_S = 86_400.0
MESSAGE_BYTES_MAX = 1_000_000
FATAL_HTTP: Mapping[int, str] = {
    401: "it wants credentials, which this feed needs none of: is this the right address?",
    403: "access is forbidden from here",
    451: "it may not serve this place, for reasons of law; another host of it, or another venue, may",
}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst` at once, and one more each `every_s`."""

    burst: int
    every_s: float


@dataclass(frozen=True, slots=True)
class Timing:
    """How long what may take, in seconds. `life_s`: without a heartbeat or a quote the connection is given up; answers
    to pings do not count. `pong_s`: where nothing at all came for so long a ping is sent, which must be answered within
    as long. `ping_text`: a text that keeps the connection open, said each `ping_every_s`. `age_max_s`:
    before a connection is so old, another takes its place."""

    life_s: float
    ack_s: float = 10.0
    open_s: float = 10.0
    pong_s: float = 10.0
    ping_text: str = ""
    ping_every_s: float = 0.0
    age_max_s: float = 0.0


class Keeper(Protocol):
    """Keeps by connection what a venue does not say again, of some symbols."""

    def quotes(self, number: int, frames: Iterable[Frame]) -> Iterable[Frame]:
        """What a message of connection `number` says, with what was said before."""
        ...


@dataclass(frozen=True, slots=True)
class Adapter:
    """One venue. All of it is pure: texts and values.

    `symbol`: canonical `BTC-USD` to the venue's, raises ValueError; `read`: a decoded message to frames, raises
    FieldError, KeyError, TypeError, ValueError where it is not of the form expected; `plain`: messages that are no
    JSON; `decode`: a text to a message where none is JSON, raises ValueError; `keeper`: made for the venue's symbols,
    where messages are to be read with those before; `single`: whether one connection at most may be; `fatal_http`:
    answers that trying again does not change, with what to do; `message_bytes_max`: of one message; `numbered`: whether
    a symbol's quotes carry numbers that never fall; `timing`, `connects`, `sends`: see `Timing` and `Rate`.
    """

    name: str
    urls: tuple[str, ...]
    symbol: Callable[[str], str]
    subscribe: Callable[[Sequence[str]], str]
    unsubscribe: Callable[[Sequence[str]], str]
    read: Callable[[Any], Iterable[Frame]]
    numbered: bool
    timing: Timing
    connects: Rate
    sends: Rate
    plain: Mapping[str, Frame] = field(default_factory=dict)
    message_bytes_max: int = MESSAGE_BYTES_MAX
    decode: Callable[[str], Any] | None = None
    keeper: Callable[[Sequence[str]], Keeper] | None = None
    single: bool = False
    fatal_http: Mapping[int, str] = field(default_factory=lambda: FATAL_HTTP)


def pair(symbol: str) -> tuple[str, str]:
    """The two currencies of a canonical symbol. Raises ValueError."""
    base, dash, quote = symbol.partition("-")
    if not dash or not base.isalnum() or not quote.isalnum():
        raise ValueError(f"{symbol!r} must be two currencies, like BTC-USD")
    return base.upper(), quote.upper()
