"""When to connect, what to say, when to give a connection up, when to try again, when to end. Pure: events in, actions
out; seconds of a monotonic clock and chance are handed in.

One connection serves. Where its end is announced, or it grows old, another is made first and takes its place once it is
subscribed (`Serve`), so that nothing is missed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tidewheel.runtime.backoff import FullJitter
from tidewheel.venues.adapter import Adapter
from tidewheel.venues.waits import TokenBucket

RETRY_FIRST_S, RETRY_LONGEST_S = 1.0, 30.0
HEALTHY_S = 30.0  # of quotes, after which the next trouble is the first again
REFUSALS_MAX = 5  # of the subscription, in a row, after which a person has to look


class Loss(StrEnum):
    """Why a connection ended, or was not made: a closed set that metrics may name."""

    FAILED = "failed"  # not made: name, route, TLS, time
    REFUSED = "refused"  # by an answer of HTTP
    CLOSED = "closed"  # by the venue, or broken
    NO_LIFE = "no_life"  # neither heartbeat nor quote, or no answer to a ping
    BROKEN_STATE = "broken_state"  # what is kept by it is not the venue's any more
    LATE = "late"  # what it brings has waited somewhere on the way
    RENEWED = "renewed"  # ended for another, where there may be one only
    NOT_SUBSCRIBED = "not_subscribed"  # no word of it in time, or a refusal


@dataclass(frozen=True, slots=True)
class Connect:
    """Make a connection of this number. `url` is one of the venue's in turn."""

    number: int
    url: str


@dataclass(frozen=True, slots=True)
class Send:
    """Say a text, after a wait that the venue's limits ask for."""

    number: int
    text: str
    wait_s: float


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask whether the peer is there at all, since nothing has come for a while."""

    number: int


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """End a connection: in peace, or at once where the peer may be dead."""

    number: int
    at_once: bool


@dataclass(frozen=True, slots=True)
class Serve:
    """This connection's quotes count from here on. `seamless`: the one before it served until now."""

    number: int
    seamless: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """It is connected."""

    number: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection that served, or was to, is gone; the next try is after `retry_s`. `serving`: it was subscribed."""

    why: Loss
    detail: str
    retry_s: float
    serving: bool


@dataclass(frozen=True, slots=True)
class StopCapture:
    """Nothing will change by trying: end with this sentence."""

    sentence: str


Action = Connect | Send | Ping | CloseConnection | Serve | Opened | Lost | StopCapture


@dataclass(slots=True)
class _Link:
    number: int
    since_s: float
    awaited: set[str]
    open: bool = False
    subscribed: bool = False
    sign_s: float = 0.0
    quoted_since_s: float | None = None
    ping_s: float = 0.0
    last_received_s: float = 0.0  # anything at all, answers to pings too
    asked_s: float | None = None


@dataclass(slots=True)
class _Links:
    serving: _Link | None = None
    next: _Link | None = None  # to take its place
    count: int = 0

    def of(self, number: int) -> _Link | None:
        return next((one for one in (self.serving, self.next) if one is not None and one.number == number), None)

    def remove(self, link: _Link) -> None:
        if link is self.serving:
            self.serving, self.next = self.next, None
        else:
            self.next = None


@dataclass(slots=True)
class ConnectionLife:
    """Of one venue and its symbols, as the venue writes them. Each `on_…` returns what is to be done, in order."""

    adapter: Adapter
    symbols: Sequence[str]
    urls: Sequence[str]
    chance: Callable[[], float]
    _links: _Links = field(default_factory=_Links)
    _retry_at_s: float | None = None
    _succeed_at_s: float | None = None
    _refusals: int = 0
    _fatal: int = 0
    _backoff: FullJitter = field(init=False)
    _connects: TokenBucket = field(init=False)
    _sends: TokenBucket = field(init=False)

    def __post_init__(self) -> None:
        self._backoff = FullJitter(self.chance, RETRY_FIRST_S, RETRY_LONGEST_S)
        self._connects = TokenBucket(self.adapter.connects)
        self._sends = TokenBucket(self.adapter.sends)

    def start(self, now_s: float) -> list[Action]:
        self._connects.take_s(now_s)
        return [self._connect(now_s)]

    def _connect(self, now_s: float) -> Action:
        links = self._links
        links.count += 1
        link = _Link(links.count, now_s, set(self.symbols))
        if links.serving is None:
            links.serving = link
        else:
            links.next = link
        return Connect(link.number, self.urls[(link.number - 1) % len(self.urls)])

    def on_open(self, number: int, now_s: float) -> list[Action]:
        """The handshake is done."""
        link = self._links.of(number)
        if link is None:
            return [CloseConnection(number, at_once=True)]
        link.open, link.since_s, link.sign_s, link.ping_s, link.last_received_s = True, now_s, now_s, now_s, now_s
        self._fatal = 0
        return [Opened(number), self._send(number, self.adapter.subscribe(self.symbols), now_s)]

    def _send(self, number: int, text: str, now_s: float) -> Action:
        return Send(number, text, self._sends.take_s(now_s))

    def on_heard(self, number: int, now_s: float) -> None:
        """Something came, if only the answer to a ping: the peer is there. Where messages wait to be read that answer
        waits behind them, so they are as good."""
        link = self._links.of(number)
        if link is not None:
            link.last_received_s, link.asked_s = now_s, None

    def on_sign(self, number: int, now_s: float) -> None:
        """A heartbeat or a quote came."""
        link = self._links.of(number)
        if link is not None:
            link.sign_s = now_s

    def on_quote(self, number: int, now_s: float) -> None:
        """A usable quote came: more than a sign of life."""
        link = self._links.of(number)
        if link is not None:
            link.sign_s = now_s
            if link.quoted_since_s is None:
                link.quoted_since_s = now_s

    def on_acknowledged(self, number: int, symbols: Sequence[str], now_s: float) -> list[Action]:
        """Symbols are subscribed, all where none is named."""
        link = self._links.of(number)
        if link is None or link.subscribed:
            return []
        link.awaited -= set(symbols or self.symbols)
        link.sign_s = now_s
        if link.awaited:
            return []
        link.subscribed = True
        self._refusals = 0
        if link is self._links.serving:
            return [Serve(number, seamless=False)]
        before = self._links.serving
        self._links.serving, self._links.next, self._succeed_at_s = link, None, None
        assert before is not None
        return [Serve(number, seamless=before.subscribed), CloseConnection(before.number, at_once=False)]

    def on_refused(self, number: int, detail: str, now_s: float) -> list[Action]:
        """The venue said that something cannot be."""
        link = self._links.of(number)
        if link is None or link.subscribed:
            return []
        self._refusals += 1
        if self._refusals >= REFUSALS_MAX:
            named = ", ".join(sorted(link.awaited))
            return [StopCapture(f"{self.adapter.name} does not subscribe {named}: {detail}. See that it trades there")]
        return self._give_up(link, Loss.NOT_SUBSCRIBED, detail, now_s)

    def on_broken(self, number: int, detail: str, now_s: float) -> list[Action]:
        """What is kept by this connection is of no use: only another mends it."""
        link = self._links.of(number)
        return [] if link is None else self._give_up(link, Loss.BROKEN_STATE, detail, now_s)

    def on_late(self, number: int, detail: str, now_s: float) -> list[Action]:
        """What this connection brings is old: only another has what is new."""
        link = self._links.of(number)
        return [] if link is None else self._give_up(link, Loss.LATE, detail, now_s)

    def on_announced(self, number: int, now_s: float) -> list[Action]:
        """The venue will end this connection: have another."""
        serving = self._links.serving
        if serving is None or serving.number != number or self._succeed_at_s is not None:
            return []
        if self.adapter.single:
            return self._renew(serving, "the venue ends it", now_s)
        self._succeed_at_s = now_s
        return self.on_time(now_s)

    def _renew(self, link: _Link, detail: str, now_s: float) -> list[Action]:
        return [CloseConnection(link.number, at_once=False), *self._lost(link, Loss.RENEWED, detail, now_s)]

    def counts(self, number: int) -> bool:
        """Whether quotes of this connection are to be used. Where quotes are numbered, those of one that is to take
        over too: what comes twice is known by its number."""
        serving = self._links.serving
        return self.adapter.numbered or (serving is not None and serving.number == number)

    def on_closed(self, number: int, why: Loss, detail: str, now_s: float) -> list[Action]:
        """It ended, or could not be made."""
        link = self._links.of(number)
        return [] if link is None else self._lost(link, why, detail, now_s)

    def on_http(
        self, number: int, status: int, retry_after_s: float | None, now_s: float, detail: str = ""
    ) -> list[Action]:
        """The handshake, or a login before it, was answered with an error; `detail`: the venue's word for it."""
        link = self._links.of(number)
        if link is None:
            return []
        self._fatal = self._fatal + 1 if status in self.adapter.fatal_http else 0
        if link is self._links.serving and self._fatal >= len(self.urls):  # each host has said so
            advice = self.adapter.fatal_http[status]
            return [StopCapture(f"{self.adapter.name} answers with HTTP {status}{detail and f' ({detail})'}: {advice}")]
        words = f"HTTP {status}{detail and f', {detail}'}"
        return self._lost(link, Loss.REFUSED, words, now_s, retry_after_s or 0.0)

    def _give_up(self, link: _Link, why: Loss, detail: str, now_s: float) -> list[Action]:
        return [CloseConnection(link.number, at_once=True), *self._lost(link, why, detail, now_s)]

    def _lost(self, link: _Link, why: Loss, detail: str, now_s: float, wait_s: float = 0.0) -> list[Action]:
        was_serving, subscribed = link is self._links.serving, link.subscribed
        self._links.remove(link)
        self._reset_if_healthy(link, now_s)
        if was_serving and self._links.serving is not None:  # the one that was to take over does so now
            self._succeed_at_s = None
            return [Lost(why, detail, 0.0, subscribed)]
        wait_s = max(wait_s, self._backoff.next_s())
        wait_s += self._connects.take_s(now_s + wait_s)
        if was_serving:
            self._retry_at_s, self._succeed_at_s = now_s + wait_s, None
            return [Lost(why, detail, wait_s, subscribed)]
        self._succeed_at_s = now_s + wait_s  # the other serves on
        return []

    def _reset_if_healthy(self, link: _Link, now_s: float) -> None:
        if link.quoted_since_s is not None and now_s - link.quoted_since_s >= HEALTHY_S:
            self._backoff.reset()

    def on_time(self, now_s: float) -> list[Action]:
        """To be called several times a second: what is due by now."""
        links = self._links
        actions: list[Action] = []
        for link in (links.serving, links.next):
            if link is not None:
                actions += self._check(link, now_s)
        if links.serving is None and self._retry_at_s is not None and now_s >= self._retry_at_s:
            self._retry_at_s = None
            actions.append(self._connect(now_s))
        elif links.next is None and self._succeed_at_s is not None and now_s >= self._succeed_at_s:
            self._connects.take_s(now_s)
            actions.append(self._connect(now_s))
        return actions

    def _check(self, link: _Link, now_s: float) -> list[Action]:
        timing = self.adapter.timing
        if not link.open:
            if now_s - link.since_s > timing.open_s:
                return self._give_up(link, Loss.FAILED, f"no connection within {timing.open_s:g} s", now_s)
            return []
        if not link.subscribed and now_s - link.since_s > timing.ack_s:
            return self._give_up(link, Loss.NOT_SUBSCRIBED, f"no word of it within {timing.ack_s:g} s", now_s)
        if now_s - link.sign_s > timing.life_s:
            detail = f"neither heartbeat nor quote for {timing.life_s:g} s"
            return self._give_up(link, Loss.NO_LIFE, detail, now_s)
        if link.asked_s is not None and now_s - link.asked_s > timing.pong_s:
            return self._give_up(link, Loss.NO_LIFE, f"no answer to a ping within {timing.pong_s:g} s", now_s)
        actions: list[Action] = []
        if link.asked_s is None and now_s - link.last_received_s > timing.pong_s:
            link.asked_s = now_s
            actions.append(Ping(link.number))
        if timing.ping_text and now_s - link.ping_s >= timing.ping_every_s:
            link.ping_s = now_s
            actions.append(self._send(link.number, timing.ping_text, now_s))
        is_old = timing.age_max_s and now_s - link.since_s >= timing.age_max_s
        if is_old and self.adapter.single:
            return self._renew(link, f"it is {timing.age_max_s / 3600:g} h old", now_s)
        if is_old and link is self._links.serving and self._succeed_at_s is None:
            self._succeed_at_s = now_s
        return actions

    def stop(self) -> list[Action]:
        """End in peace."""
        left = [link for link in (self._links.serving, self._links.next) if link is not None]
        self._links.serving = self._links.next = None
        self._retry_at_s = self._succeed_at_s = None
        actions: list[Action] = []
        for link in left:
            if link.open:
                actions.append(Send(link.number, self.adapter.unsubscribe(self.symbols), 0.0))
            actions.append(CloseConnection(link.number, at_once=not link.open))
        return actions
