"""The trace of a training run: the run, with its search, its gate and its publication as children, and links to the
transactions that wrote its examples.

Made of the events of the run, so that training knows nothing of it: each event ends what went on since the one before.
"""

import threading
from collections import deque
from dataclasses import dataclass, field

from confluent_kafka import Message

from tidewheel.contracts.topics import EXAMPLES
from tidewheel.domain.features import Example
from tidewheel.domain.training import RunEvent, Step
from tidewheel.telemetry.tracing.context import Headers, TraceContext
from tidewheel.telemetry.tracing.tracer import Attributes, Span, Tracer, spread

# Stretches of examples of one trace that are known of an instrument, the newest: of the windows that wait as well.
STRETCHES_MAX = 4_096
# What ends by which step, as a child of the run: from the step before it that is one of these.
PHASES = {Step.SPLIT: "prepare", Step.SELECTED: "search", Step.GATE: "fit and gate", Step.PUBLISHED: "publish"}


class ExampleLinks:
    """The traces that examples came of. The polling loop adds, the training thread asks."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._lock = threading.Lock()
        # By instrument: the first and last number of a stretch, and its trace.
        self._known: dict[str, deque[tuple[int, int, TraceContext]]] = {}

    def on_example(self, example: Example, message: Message) -> None:
        """Take down where an example came from, if its second is sampled."""
        context = self._tracer.incoming(message.headers(), EXAMPLES.name)
        if context is None or not context.sampled:
            return
        with self._lock:
            known, first = self._known.setdefault(example.instrument, deque(maxlen=STRETCHES_MAX)), example.example_seq
            if known and known[-1][2] == context and known[-1][0] <= first:
                first, *_ = known.pop()
            known.append((first, example.example_seq, context))

    def between(self, instrument: str, first: int, last: int) -> list[TraceContext]:
        """Of the examples with these numbers, each trace once."""
        with self._lock:
            known = list(self._known.get(instrument, ()))
        return list(dict.fromkeys(context for begins, ends, context in known if begins <= last and ends >= first))

    def clear(self) -> None:
        """Partitions come or go: what is read then comes with its headers."""
        with self._lock:
            self._known.clear()


@dataclass(slots=True)
class _OpenRun:
    """A run under way: since when, its children so far, and its links."""

    since_ns: int
    context: TraceContext
    marked_ns: int
    links: list[TraceContext]
    children: list[Span] = field(default_factory=list)


class RunTraces:
    """Told of each event as it is written; one run is under way at a time."""

    def __init__(self, tracer: Tracer, examples: ExampleLinks) -> None:
        self._tracer = tracer
        self._examples = examples
        self._open: _OpenRun | None = None

    def on_event(self, event: RunEvent) -> Headers:
        """Take an event down; returns what its record carries."""
        context = self._tracer.run(event.instrument, event.seq)
        if event.step is Step.WINDOW_CLOSED:
            self._open = self._begun(event, context)
        elif self._open is not None and self._open.context == context:
            self._on_step(self._open, event)
        return context.headers

    def _begun(self, event: RunEvent, context: TraceContext) -> _OpenRun:
        links = self._examples.between(event.instrument, event.first_example_seq, event.last_example_seq)
        return _OpenRun(event.window_closed_at_ns or event.at_ns, context, event.at_ns, links)

    def _on_step(self, run: _OpenRun, event: RunEvent) -> None:
        if name := PHASES.get(event.step):
            child = run.context.within(name)
            run.children.append(Span(name, child, run.marked_ns, event.at_ns, run.context))
            run.marked_ns = event.at_ns
        if event.step.verdict is None:
            return
        attributes: Attributes = {
            "tidewheel.instrument": event.instrument,
            "tidewheel.window": event.seq,
            "tidewheel.verdict": str(event.step.verdict),
            "tidewheel.reason": event.reason,
            "tidewheel.examples_linked": len(run.links),
        }
        own = Span("training run", run.context, run.since_ns, event.at_ns, None, spread(run.links), attributes)
        for span in (own, *run.children):
            self._tracer.record(span)
        self._open = None
