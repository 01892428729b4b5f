"""Traces through all services, without servers: they change no byte, and lead from a model back to market seconds."""

from collections.abc import Iterable, Iterator

import pytest

from tests.simulation import checkers, runs
from tests.simulation.broker import Broker
from tests.simulation.services import System
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS
from tidewheel.telemetry.tracing.context import TraceContext
from tidewheel.telemetry.tracing.tracer import Span

SEED = 3
Place = tuple[int, int]


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> list[System]:
    found: list[System] = []
    check = checkers.check
    monkeypatch.setattr(checkers, "check", lambda system: (found.append(system), check(system)))
    return found


def written(broker: Broker) -> dict[tuple[str, int], list[object]]:
    """All that lies on the broker but headers, offset by offset."""
    return {
        place: [one and (one.key, one.value, one.is_marker) for one in partition.records]
        for place, partition in broker.partitions.items()
    }


def headers(broker: Broker, topic: str) -> Iterator[object]:
    for (name, _), partition in broker.partitions.items():
        yield from (record.headers for _, record in partition.committed() if name == topic)


def place(context: TraceContext) -> Place:
    return context.trace_id, context.span_id


def behind(spans: Iterable[Span], start: Span) -> set[str]:
    """Names of the spans that links and parents lead to."""
    known, found, left = {place(one.context): one for one in spans}, set[Place](), [start]
    while left:
        span = left.pop()
        for context in (*span.links, *([span.parent] if span.parent else [])):
            if place(context) in known and place(context) not in found:
                found.add(place(context))
                left.append(known[place(context)])
    return {known[one].name for one in found}


def traced(seed: int) -> list[Span]:
    spans: list[Span] = []
    assert runs.run(seed, [], record=spans.append).failure == ""
    return spans


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_not_a_byte_depends_on_them_whatever_fails(seed: int, systems: list[System]) -> None:
    spans: list[Span] = []
    assert runs.run(seed, record=spans.append).failure == ""
    assert runs.run(seed).failure == ""
    on, off = systems
    assert spans
    assert written(on.broker) == written(off.broker)
    for topic in (TICKS.name, ORDERS.name, EXAMPLES.name):
        assert any(headers(on.broker, topic))
        assert not any(headers(off.broker, topic))


def test_a_model_leads_back_to_the_market_seconds_that_it_learnt_from() -> None:
    spans = traced(SEED)
    swaps = [span for span in spans if span.name == "model swap"]
    assert swaps
    for swap in swaps:
        assert behind(spans, swap) == {"training run", "label", "market second"}
    orders = [span for span in spans if span.name == "orders"]
    assert orders
    assert all(behind(spans, one) == {"market second"} for one in orders)


def test_without_the_headers_of_examples_it_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: what cannot be derived has to be carried."""
    drop(monkeypatch, EXAMPLES.name)
    spans = traced(SEED)
    assert {frozenset(behind(spans, one)) for one in spans if one.name == "model swap"} == {frozenset({"training run"})}


def test_without_the_headers_of_market_seconds_it_leads_as_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those are derived by all who read the second."""
    drop(monkeypatch, TICKS.name)
    spans = traced(SEED)
    swap = next(span for span in spans if span.name == "model swap")
    assert behind(spans, swap) == {"training run", "label", "market second"}


def drop(monkeypatch: pytest.MonkeyPatch, topic: str) -> None:
    real = Broker.append

    def append(self: Broker, partition_key: tuple[str, int], *arguments: object) -> int:
        kept = arguments[:3] if partition_key[0] == topic else arguments
        return real(self, partition_key, *kept)  # type: ignore[arg-type]

    monkeypatch.setattr(Broker, "append", append)
