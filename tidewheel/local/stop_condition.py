"""When a run ends by itself: a decision over values, taken a few times a second."""

from dataclasses import dataclass

from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.windows import Windowing
from tidewheel.local.monitoring.observed import InstrumentState

# How long a published model may take to be named by a reply before the run no longer waits for it.
SERVE_LIMIT_S = 15.0


@dataclass(frozen=True, slots=True)
class StopCondition:
    """What ends the run. `feed_ends`: a recorded file that need not be stayed with."""

    exit_after_models: int | None
    feed_ends: bool


@dataclass(frozen=True, slots=True)
class InstrumentProgress:
    """What is known now of one instrument. `served`: windows whose model a reply has named."""

    windows_closed: int
    windows_ended: bool
    served: frozenset[int]
    newest_published: int
    published_for_s: float

    @property
    def waits_to_be_served(self) -> bool:
        """Whether its newest model may still be named by a reply."""
        return self.newest_published > max(self.served, default=0) and self.published_for_s < SERVE_LIMIT_S


@dataclass(frozen=True, slots=True)
class RunState:
    """What is known now. `inputs_read`: the order bot and the labeler have committed everything that is on their
    inputs, and everything on the topics has been seen here."""

    feed_done: bool
    inputs_read: bool
    instruments: tuple[InstrumentProgress, ...]


@dataclass(frozen=True, slots=True)
class StopReason:
    """Why the run is over, for people."""

    message: str


def stop_reason(condition: StopCondition, state: RunState) -> StopReason | None:
    """The run's end, None while it goes on."""
    served = sum(len(one.served) for one in state.instruments)
    if condition.exit_after_models is not None and served >= condition.exit_after_models:
        return StopReason(f"{_models(served)} served, as asked for")
    ended = all(one.windows_ended for one in state.instruments)
    if not (condition.feed_ends and state.feed_done and state.inputs_read and ended):
        return None
    if any(one.waits_to_be_served for one in state.instruments):
        return None
    closed = sum(one.windows_closed for one in state.instruments)
    if closed == 0:
        return StopReason("the recorded file is done; it was too short to close a window")
    return StopReason(f"the recorded file is done: {closed} windows closed, {_models(served)} served")


def published_for_s(published_ns: int, now_ns: int, watched_for_s: float) -> float:
    """How long a model has been published while this run looked; what an earlier run saw published is news again."""
    return min((now_ns - published_ns) / NS_PER_S, watched_for_s)


def windows_closed(instrument: InstrumentState, windowing: Windowing) -> int:
    """Windows that the examples written so far have closed."""
    return windowing.closed_by(instrument.orders.examples)


def labels_complete(instrument: InstrumentState) -> bool:
    """Whether all market seconds seen have orders, and labels as far as the labeler has said."""
    market, orders = instrument.market, instrument.orders
    return orders.second >= market.second and orders.labeled_second >= market.second


def _models(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'}"
