"""Something that is to happen to a run's simulated market: put down with notice, so that whoever makes that market anew
makes the same."""

from tidewheel.domain.market_events import NOTICE_S, SECOND_MAX, EventKind, MarketEvent, events_text, parse_events
from tidewheel.local.observing.prometheus_api import Prometheus
from tidewheel.local.scenarios.going_run import GoingRun
from tidewheel.runtime.process import FatalError

# What Prometheus says of the market is up to so old, with a scrape that failed; writing and reading take a moment.
OLD_S = 12.0
MOMENT_S = 3.0
AFTERWARDS = {
    EventKind.FLIP: "the pattern stays turned: models learn it anew",
    EventKind.BURST: "the burst ends by itself",
    EventKind.GAP: "the gap ends by itself",
}


class MarketFault:
    """One event. Raises FatalError where this run's market cannot be told."""

    def __init__(self, kind: EventKind, lasts_s: int | None, run: GoingRun, prometheus: Prometheus) -> None:
        if not run.simulated or run.speed is None:
            raise FatalError(f"a {kind} needs a simulated market at a speed: start a run with make observe")
        self._kind, self._lasts_s, self._speed = kind, lasts_s, run.speed
        self._query = f'max(tidewheel_market_time_seconds{{instrument="{run.instrument}"}})'
        self._prometheus = prometheus
        self.text_before = run.data.market_events.read_text() if run.data.market_events.exists() else ""
        self.event = MarketEvent(kind, 0, 1)
        self.begun = False

    @property
    def notice_s(self) -> float:
        """Wall clock until it begins, at most."""
        return NOTICE_S / self._speed + OLD_S + MOMENT_S

    @property
    def can_be_ended(self) -> bool:
        """Nobody waits for the end of a burst, and a flip stays."""
        return self._kind is EventKind.GAP

    @property
    def afterwards(self) -> str:
        """What becomes of it, for people."""
        return AFTERWARDS[self._kind]

    def shortened(self) -> MarketEvent:
        """The event as one that ends as soon as it can. What was written of it stays as it is, so that a market that is
        made anew goes on from there."""
        to_s = int(max(self._market_s(), self.event.from_s) + (OLD_S + MOMENT_S) * self._speed)
        return MarketEvent(self._kind, self.event.from_s, min(self.event.to_s, to_s))

    def planned(self) -> MarketEvent:
        """The event, as soon as it may begin."""
        from_s = int(self._market_s() + self.notice_s * self._speed)
        to_s = SECOND_MAX if self._lasts_s is None else from_s + int(self._lasts_s * self._speed)
        self.event = MarketEvent(self._kind, from_s, to_s)
        return self.event

    def text_with(self, event: MarketEvent) -> str:
        """The file with this event too; what of it says no event is left out. A flip on a flip turns back: it ends the
        one before."""
        known = [
            MarketEvent(one.kind, one.from_s, event.from_s) if _goes_on(one, event) else one
            for one in parse_events(self.text_before)[0]
        ]
        turns_back = known != parse_events(self.text_before)[0]
        return events_text(known if turns_back else [*known, event])

    def has_begun(self, event: MarketEvent) -> bool:
        """Whether the market is there. In a gap its time stands still at the second before."""
        self.begun = self.begun or self._market_s() >= event.from_s - 1
        return self.begun

    def can_be_taken_back(self) -> bool:
        """Whether no second of it can have been written yet."""
        return self._market_s() + OLD_S * self._speed < self.event.from_s

    def _market_s(self) -> float:
        found = self._prometheus.value(self._query)
        if found is None:
            raise FatalError("the run has no market yet: try again when it has written a market second")
        return found


def _goes_on(one: MarketEvent, event: MarketEvent) -> bool:
    return event.kind is EventKind.FLIP and one.kind is EventKind.FLIP and one.to_s == SECOND_MAX
