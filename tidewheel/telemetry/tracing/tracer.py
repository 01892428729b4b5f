"""What services record of their work: spans that have ended, each handed over at once. Off, nothing of it happens."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from secrets import randbits
from typing import TypeAlias

from tidewheel.telemetry import metrics
from tidewheel.telemetry.tracing.context import HEADER, TraceContext, TraceparentError, derived, is_sampled, parse

# As many as OpenTelemetry keeps of a span, and some to spare.
LINKS_MAX = 100
Attributes: TypeAlias = Mapping[str, str | int | float | bool]
Exemplar: TypeAlias = dict[str, str]
# Of a record or a call, as its client has them.
Incoming: TypeAlias = Mapping[str, object] | Iterable[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work that has ended, by the wall clock. `parent`: of the same trace, or of the caller's. `links`: what
    it came of in other traces, at most `LINKS_MAX`."""

    name: str
    context: TraceContext
    start_ns: int
    end_ns: int
    parent: TraceContext | None = None
    links: Sequence[TraceContext] = ()
    attributes: Attributes = field(default_factory=dict)


Record: TypeAlias = Callable[[Span], None]


class Tracer:
    """One process's traces. `on` is False where nobody takes spans: ask it before anything is made for one."""

    def __init__(
        self,
        service: str = "",
        record: Record | None = None,
        ratio: float = 0.0,
        clock_ns: Callable[[], int] = lambda: 0,
    ) -> None:
        """`record`: takes spans and never waits. `ratio`: the share of market seconds and calls that are recorded.
        `clock_ns`: the wall clock."""
        self.on = record is not None
        self.clock_ns = clock_ns
        self._service = service
        self._record = record
        self._ratio = ratio

    def record(self, span: Span) -> None:
        """Hand a span over, if it is sampled."""
        if self._record is not None and span.context.sampled:
            self._record(span)

    def close(self) -> None:
        """Send what is left; nothing is taken from then on."""

    def second(self, instrument: str, second: int) -> TraceContext:
        """The trace of a market second, begun by ingest."""
        return derived(self._ratio, "market second", instrument, second)

    def run(self, instrument: str, seq: int) -> TraceContext:
        """The trace of a training run. They are few: each is recorded."""
        return derived(1.0, "training run", instrument, seq)

    def batch(self, topic: str, partition: int, offset: int) -> TraceContext:
        """The trace of a transaction, by the first record that went into it; recorded if anything in it is."""
        return derived(1.0, "transaction", topic, partition, offset)

    def fresh(self, *, always: bool = False) -> TraceContext:
        """A trace of what nobody else could name, such as a call. `always`: recorded whatever the share."""
        trace_id = randbits(128) or 1
        return TraceContext(trace_id, self.fresh_id(), always or is_sampled(trace_id, self._ratio))

    def fresh_id(self) -> int:
        """A span's id, of what nobody else could name."""
        return randbits(64) or 1

    def incoming(self, headers: Incoming | None, source: str) -> TraceContext | None:
        """What headers say of the trace that something belongs to; None where they say nothing, or nothing that can be
        used, which is counted. `source`: the topic, or `rpc`."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
        found = [value for name, value in pairs if name == HEADER]
        if not found:
            return None
        try:
            if len(found) > 1:
                raise TraceparentError("there is more than one")
            return parse(found[0])
        except TraceparentError:
            metrics.TRACE_HEADERS_INVALID.labels(self._service, source).inc()
            return None


NO_TRACES = Tracer()


def exemplar(context: TraceContext | None) -> Exemplar | None:
    """What a sample of a histogram carries, so that one finds the trace from it; None for a trace that is not kept."""
    return {"trace_id": context.trace_id_hex} if context is not None and context.sampled else None


def place_of(topic: str, partition: int, offset: int) -> Attributes:
    """A record's place, as attributes of a span that read it."""
    return {
        "messaging.system": "kafka",
        "messaging.source.name": topic,
        "messaging.destination.partition.id": str(partition),
        "messaging.kafka.offset": offset,
    }


def spread(links: Sequence[TraceContext]) -> Sequence[TraceContext]:
    """At most `LINKS_MAX` of them, evenly over all."""
    if len(links) <= LINKS_MAX:
        return links
    return [links[number * len(links) // LINKS_MAX] for number in range(LINKS_MAX)]
