"""The run in plain lines, for logs and pipes: one at each event that matters, and a heartbeat. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tidewheel.domain.windows import Windowing
from tidewheel.local.children.supervisor import Happening, Phase
from tidewheel.local.monitoring.observed import Instrument
from tidewheel.local.monitoring.training_runs import TrainingRun
from tidewheel.local.view.figures import market_time, per_s, price, share
from tidewheel.local.view.picture import Picture

HEARTBEAT_S = 10.0


def told(happening: Happening) -> str:
    """A child's news as a line."""
    if happening.phase is Phase.DONE:
        return f"{happening.name} is done"
    return f"{happening.name} {happening.phase}" + (f": {happening.words}" if happening.words else "")


@dataclass(slots=True)
class Announcer:
    """Remembers what it has said. `since_ns`: wall clock before which nothing is news (a resumed run's past)."""

    since_ns: int
    heartbeat_at_s: float = HEARTBEAT_S
    quoted: bool = False
    feed_said: tuple[int, int] | None = None
    closed_said: set[int] = field(default_factory=set)
    ended_said: set[int] = field(default_factory=set)
    scored_said: set[int] = field(default_factory=set)
    served_said: set[int] = field(default_factory=set)
    letters_said: int = 0

    def events(self, picture: Picture) -> list[str]:
        """Lines for what is new since the last call."""
        instrument = picture.instrument
        if instrument is None:
            return []
        return [*self._market(instrument), *self._runs(picture, instrument), *self._letters(picture)]

    def heartbeat(self, picture: Picture) -> list[str]:
        """A line every ten seconds."""
        if picture.up_s < self.heartbeat_at_s:
            return []
        self.heartbeat_at_s = picture.up_s + HEARTBEAT_S
        return [beat(picture)]

    def _market(self, instrument: Instrument) -> Iterator[str]:
        market = instrument.market
        if not self.quoted and market.second >= 0:
            self.quoted = True
            yield f"first quotes of {instrument.name}, at {market_time(market.second)} UTC"
        if (feed := market.feed) and (said := (feed.event, feed.connection_epoch)) != self.feed_said:
            self.feed_said = said
            yield f"feed {feed.event.name.lower().replace('_', ' ')}" + (f": {feed.detail}" if feed.detail else "")

    def _runs(self, picture: Picture, instrument: Instrument) -> Iterator[str]:
        for seq, run in sorted(instrument.runs.by_seq.items()):
            if seq not in self.closed_said:
                self.closed_said.add(seq)
                if run.window_closed_at_ns >= self.since_ns:
                    yield f"window {seq} closed: training begins"
            if run.end and seq not in self.ended_said:
                self.ended_said.add(seq)
                if run.ended_at_ns >= self.since_ns:
                    yield ended(run)
            if run.scorecard and seq not in self.scored_said:
                self.scored_said.add(seq)
                card = run.scorecard
                if run.ended_at_ns >= self.since_ns:
                    yield (
                        f"model {seq} on its next window: precision {share(card.precision)} at recall "
                        f"{share(card.recall)}, base rate {share(card.base_rate)}"
                        + (f"; bettor on all models: {card.account.short}" if card.account else "")
                    )
        for seq, at_ns in sorted(picture.served.items()):
            if seq not in self.served_said:
                self.served_said.add(seq)
                if at_ns >= self.since_ns:
                    yield f"model {seq} serves: the predictor answers with it"

    def _letters(self, picture: Picture) -> Iterator[str]:
        if picture.dead_letters > self.letters_said and (self.letters_said == 0 or self._due(picture)):
            self.letters_said = picture.dead_letters
            yield f"{picture.dead_letters:,} dead letters, the last: {picture.last_dead_letter}"

    def _due(self, picture: Picture) -> bool:
        return picture.up_s >= self.heartbeat_at_s


def ended(run: TrainingRun) -> str:
    """How a run ended, as a line."""
    name = run.outcome or "open"
    result = run.result
    if result is None or not (result.test or run.published):
        return f"model {run.seq} {name}" + (f": {run.words or run.reason}" if run.reason else "")
    figures = (
        f"test precision {share(result.test.precision)} at recall {share(result.test.recall)}"
        if result.test
        else "nothing known to test it by"
    )
    head = (
        f"model {run.seq} {name}: {figures}, base rate {share(result.base_rate)}, evidence {result.evidence or 'none'}"
    )
    return head if run.published or not run.reason else f"{head}; {run.words or run.reason}"


def beat(picture: Picture) -> str:
    """Where everything stands, on one line."""
    instrument = picture.instrument
    if instrument is None or instrument.market.second < 0:
        waiting = [f"{part.name} {part.state}" for part in picture.parts if part.state != "ready"]
        return "no quote yet" + (f" ({', '.join(waiting)})" if waiting else "")
    market, orders = instrument.market, instrument.orders
    words = [
        f"market {market_time(market.second)}",
        f"{price(market.bid_e9)}/{price(market.offer_e9)}",
        f"{per_s(picture.rates.ticks_per_s)} ticks/s at {per_s(picture.rates.speed)} x",
        f"{orders.open:,} open orders",
        f"{orders.resolved:,} resolved",
        picture.awaited or _window(orders.examples, picture.windowing),
    ]
    if picture.predictions:
        last = picture.predictions[-1].prediction
        words.append(f"model {last.seq} says {last.score:.3f}")
    restarts = sum(part.restarts for part in picture.parts)
    if restarts:
        words.append(f"{restarts} restarts")
    return " | ".join(words)


def _window(examples: int, windowing: Windowing | None) -> str:
    if windowing is None:
        return f"{examples:,} examples"
    closed = windowing.closed_by(examples)
    return f"{examples:,} of {windowing.last_example_seq(closed + 1):,} examples for window {closed + 1}"
