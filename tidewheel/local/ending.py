"""When a run ends by itself: a decision over facts, taken a few times a second."""

from dataclasses import dataclass

from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.windows import Windowing
from tidewheel.local.monitoring.observed import Instrument

# How long a published model may take to be named by a reply before the run no longer waits for it.
SERVE_LIMIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Goal:
    """What ends the run. `feed_ends`: a recorded file that need not be stayed with."""

    exit_after_models: int | None
    feed_ends: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known now. `served`: windows whose model a reply has named; `inputs_read`: the order bot and the labeler
    have committed everything that is on their inputs, and everything on the topics has been seen here."""

    feed_done: bool
    inputs_read: bool
    windows_closed: int
    windows_ended: bool
    served: frozenset[int]
    newest_published: int
    published_for_s: float


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the run is over, in words for people."""

    words: str


def decide(goal: Goal, facts: Facts) -> Ending | None:
    """The run's end, None while it goes on."""
    served = len(facts.served)
    if goal.exit_after_models is not None and served >= goal.exit_after_models:
        return Ending(f"{_models(served)} served, as asked for")
    if not (goal.feed_ends and facts.feed_done and facts.inputs_read and facts.windows_ended):
        return None
    waiting = facts.newest_published > max(facts.served, default=0)
    if waiting and facts.published_for_s < SERVE_LIMIT_S:
        return None
    if facts.windows_closed == 0:
        return Ending("the recorded file is done; it was too short to close a window")
    return Ending(f"the recorded file is done: {facts.windows_closed} windows closed, {_models(served)} served")


def published_for_s(published_ns: int, now_ns: int, watched_for_s: float) -> float:
    """How long a model has been published while this run looked; what an earlier run saw published is news again."""
    return min((now_ns - published_ns) / NS_PER_S, watched_for_s)


def windows_closed(instrument: Instrument, windowing: Windowing) -> int:
    """Windows that the examples written so far have closed."""
    return windowing.closed_by(instrument.orders.examples)


def labels_complete(instrument: Instrument) -> bool:
    """Whether all market seconds seen have orders, and labels as far as the labeler has said."""
    market, orders = instrument.market, instrument.orders
    return orders.second >= market.second and orders.labeled_second >= market.second


def _models(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'}"
