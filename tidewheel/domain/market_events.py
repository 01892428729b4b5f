"""What is to happen to a simulated market beside its chance: a line each, as in `gap 1767230000 1767240000`.

The market is a function of its seed, its settings and these. One that is added before its time changes nothing that
was before, so that a market which is made anew from its beginning, events and all, is the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

EVENTS_MAX = 1_000
SECOND_MAX = 253_402_300_800  # the year 10000
# A market looks at what is to happen before each stretch that it makes. An event that is put down this many seconds of
# market before it begins is seen in time.
NOTICE_S = 512


class EventKind(StrEnum):
    """`flip`: the planted pattern has the other sign; `gap`: no quotes; `burst`: a fast market, many quotes, some of
    them crossed."""

    FLIP = "flip"
    GAP = "gap"
    BURST = "burst"


@dataclass(frozen=True, slots=True)
class MarketEvent:
    """From second `from_s` up to and without `to_s`, market time since the epoch."""

    kind: EventKind
    from_s: int
    to_s: int

    def __str__(self) -> str:
        return f"{self.kind} {self.from_s} {self.to_s}"


def parse_events(text: str) -> tuple[list[MarketEvent], list[str]]:
    """The events of a file, and what is wrong with lines that say none: one sentence each."""
    events: list[MarketEvent] = []
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if len(events) == EVENTS_MAX:
            faults.append(f"line {number} and those after it are left out: {EVENTS_MAX:,} events are the most")
            break
        try:
            if line.strip():
                events.append(_event(line))
        except ValueError:
            faults.append(f"line {number} must look like `gap 1767230000 1767240000`: {line[:60]!r}")
    return events, faults


def events_text(events: Iterable[MarketEvent]) -> str:
    """The file that says them."""
    return "".join(f"{event}\n" for event in events)


def _event(line: str) -> MarketEvent:
    """Raises ValueError."""
    kind, from_s, to_s = line.split()
    if not 0 <= int(from_s) < int(to_s) <= SECOND_MAX:
        raise ValueError(line)
    return MarketEvent(EventKind(kind), int(from_s), int(to_s))
