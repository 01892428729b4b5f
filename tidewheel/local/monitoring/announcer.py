"""The run in plain lines, for logs and pipes: one at each event that matters, and a heartbeat. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tidewheel.domain.models import Scorecard
from tidewheel.domain.training_runs import TrainingRun
from tidewheel.domain.windows import Windowing
from tidewheel.local.monitoring.observed import InstrumentState
from tidewheel.local.processes.supervisor import Phase, PhaseChange
from tidewheel.local.view.frame import Frame
from tidewheel.presentation.numbers import number, price, rate
from tidewheel.presentation.sentences import account_summary
from tidewheel.presentation.times import market_time
from tidewheel.recordings.account import account_lines, notable_rows

HEARTBEAT_S = 10.0


def phase_line(change: PhaseChange) -> str:
    """A process's new phase as a line."""
    if change.phase is Phase.DONE:
        return f"{change.name} is done"
    return f"{change.name} {change.phase}" + (f": {change.detail}" if change.detail else "")


@dataclass(slots=True)
class Announced:
    """What has been announced of one instrument."""

    quoted: bool = False
    feed: tuple[int, int] | None = None
    closed: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    scored: set[int] = field(default_factory=set)
    served: set[int] = field(default_factory=set)
    notable: int = 0


@dataclass(slots=True)
class Announcer:
    """Remembers what it has announced. `since_ns`: wall clock before which nothing is news (a resumed run's past)."""

    since_ns: int
    heartbeat_at_s: float = HEARTBEAT_S
    announced: dict[str, Announced] = field(default_factory=dict)
    dead_letters_announced: int = 0

    def events(self, frame: Frame) -> list[str]:
        """Lines for what is new since the last call; where there are several instruments, each line names its own."""
        lines: list[str] = []
        for one in frame.each:
            if (instrument := one.instrument) is None:
                continue
            known = self.announced.setdefault(instrument.name, Announced())
            found = (
                *self._market(known, instrument),
                *self._runs(known, one, instrument),
                *self._reading(known, frame, instrument),
            )
            lines += [f"{instrument.name}: {line}" for line in found] if frame.every else found
        return [*lines, *(self._dead_letters(frame) if frame.instrument else ())]

    def heartbeat(self, frame: Frame) -> list[str]:
        """A line every ten seconds."""
        if frame.up_s < self.heartbeat_at_s:
            return []
        self.heartbeat_at_s = frame.up_s + HEARTBEAT_S
        return [heartbeat_of_several(frame) if frame.every else heartbeat_line(frame)]

    def _market(self, known: Announced, instrument: InstrumentState) -> Iterator[str]:
        market = instrument.market
        if not known.quoted and market.second >= 0:
            known.quoted = True
            yield f"first quotes of {instrument.name}, at {market_time(market.first_second)} UTC"
        if (feed := market.feed) and (state := (feed.event, feed.connection_epoch)) != known.feed:
            known.feed = state
            yield f"feed {feed.event.name.lower().replace('_', ' ')}" + (f": {feed.detail}" if feed.detail else "")

    def _runs(self, known: Announced, frame: Frame, instrument: InstrumentState) -> Iterator[str]:
        for seq, run in sorted(instrument.runs.by_seq.items()):
            if seq not in known.closed:
                known.closed.add(seq)
                if run.window_closed_at_ns >= self.since_ns:
                    yield f"window {seq} closed: training begins"
            if run.end and seq not in known.ended:
                known.ended.add(seq)
                if run.ended_at_ns >= self.since_ns:
                    yield run_end_line(run)
            if run.scorecard and seq not in known.scored:
                known.scored.add(seq)
                if run.ended_at_ns >= self.since_ns:
                    yield scorecard_line(seq, run.scorecard)
        for seq, at_ns in sorted(frame.served.items()):
            if seq not in known.served:
                known.served.add(seq)
                if at_ns >= self.since_ns:
                    yield f"model {seq} serves: the predictor answers with it"

    def _dead_letters(self, frame: Frame) -> Iterator[str]:
        if frame.dead_letters > self.dead_letters_announced and (self.dead_letters_announced == 0 or self._due(frame)):
            self.dead_letters_announced = frame.dead_letters
            yield f"{frame.dead_letters:,} dead letters, the last: {frame.last_dead_letter}"

    def _reading(self, known: Announced, frame: Frame, instrument: InstrumentState) -> Iterator[str]:
        account = instrument.market.account
        if account is None or (notable := notable_rows(account)) <= known.notable:
            return
        if known.notable == 0 or self._due(frame):
            known.notable = notable
            yield from account_lines(account)

    def _due(self, frame: Frame) -> bool:
        return frame.up_s >= self.heartbeat_at_s


def scorecard_line(seq: int, card: Scorecard) -> str:
    """How a model did on its next window, as a line."""
    return (
        f"model {seq} on its next window: precision {number(card.precision)} at recall "
        f"{number(card.recall)}, base rate {number(card.base_rate)}"
        + (f"; bettor on all models: {account_summary(card.account)}" if card.account else "")
    )


def run_end_line(run: TrainingRun) -> str:
    """How a run ended, as a line."""
    name = run.outcome or "open"
    result = run.result
    if result is None or not (result.test or run.published):
        return f"model {run.seq} {name}" + (f": {run.detail or run.reason}" if run.reason else "")
    figures = (
        f"test precision {number(result.test.precision)} at recall {number(result.test.recall)}"
        if result.test
        else "nothing known to test it by"
    )
    head = (
        f"model {run.seq} {name}: {figures}, base rate {number(result.base_rate)}, evidence {result.evidence or 'none'}"
    )
    return head if run.published or not run.reason else f"{head}; {run.detail or run.reason}"


def heartbeat_line(frame: Frame) -> str:
    """Where everything stands, on one line."""
    instrument = frame.instrument
    if instrument is None or instrument.market.second < 0:
        waiting = [f"{process.name} {process.state}" for process in frame.processes if process.state != "ready"]
        return "no quote yet" + (f" ({', '.join(waiting)})" if waiting else "")
    market, orders = instrument.market, instrument.orders
    fields = [
        f"market {market_time(market.second)}",
        f"{price(market.bid_e9)}/{price(market.offer_e9)}",
        f"{rate(frame.rates.ticks_per_s)} ticks/s at {rate(frame.rates.speed)} x",
        f"{orders.open:,} open orders",
        f"{orders.resolved:,} resolved",
        frame.awaited or _window(orders.examples, frame.windowing),
    ]
    if frame.predictions:
        last = frame.predictions[-1].prediction
        fields.append(f"model {last.seq} says {number(last.score)}")
    restarts = sum(process.restarts for process in frame.processes)
    if restarts:
        fields.append(f"{restarts} restarts")
    return " | ".join(fields)


def heartbeat_of_several(frame: Frame) -> str:
    """The same of several instruments together."""
    quoted = [
        (one, one.instrument) for one in frame.each if one.instrument is not None and one.instrument.market.second >= 0
    ]
    if not quoted:
        return "no quote yet"
    seconds = [instrument.market.second for _, instrument in quoted]
    span = market_time(min(seconds))
    if max(seconds) > min(seconds):
        span += f" to {market_time(max(seconds))}"
    awaited = sum(bool(one.awaited) for one, _ in quoted)
    fields = [
        f"{len(quoted)} instruments at market {span}",
        f"{rate(sum(one.rates.ticks_per_s for one, _ in quoted))} ticks/s",
        f"{sum(instrument.orders.open for _, instrument in quoted):,} open orders",
        f"{sum(instrument.orders.resolved for _, instrument in quoted):,} resolved",
        f"{sum(instrument.orders.examples for _, instrument in quoted):,} examples",
        f"{sum(len(one.served) for one, _ in quoted)} models served",
        *([f"windows of {awaited} wait for their training"] if awaited else []),
    ]
    restarts = sum(process.restarts for process in frame.processes)
    return " | ".join([*fields, *([f"{restarts} restarts"] if restarts else [])])


def _window(examples: int, windowing: Windowing | None) -> str:
    if windowing is None:
        return f"{examples:,} examples"
    closed = windowing.closed_by(examples)
    return f"{examples:,} of {windowing.last_example_seq(closed + 1):,} examples for window {closed + 1}"
