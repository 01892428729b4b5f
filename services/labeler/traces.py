"""The trace of a transaction: a span with links to the market seconds that were labelled in it.

A link and not a parent: a transaction holds seconds of several instruments, each of which has a trace of its own.
"""

from collections.abc import Iterable
from itertools import takewhile

from confluent_kafka import Message

from services.labeler.core import Labeler
from tidewheel.contracts.topics import TICKS, TRANSACTIONS
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import Transaction
from tidewheel.domain.time import NS_PER_S
from tidewheel.telemetry.tracing.context import Headers, TraceContext
from tidewheel.telemetry.tracing.tracer import Attributes, Exemplar, Span, Tracer, exemplar, place_of, spread

# Sampled seconds of an instrument that wait for their orders or their commit; what comes beyond is not linked. A feed
# at full speed is hours of market ahead of the order bot.
SECONDS_MAX = 20_000


class TransactionTraces:
    """Of a tracer that is on; called in the order of the loop. Nothing of it reaches a record but headers."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        # Sampled seconds that no transaction has labelled yet, by instrument.
        self._seconds: dict[str, dict[int, TraceContext]] = {}
        self._own: TraceContext | None = None
        self._first: tuple[str, int, int] = "", 0, 0
        self._started_ns = 0
        self._outputs = 0

    def on_batch(self, first: Message) -> None:
        """Records are about to be processed, in a new transaction or the open one."""
        if self._own is None:
            self._first = first.topic() or "", first.partition() or 0, first.offset() or 0
            self._own, self._started_ns = self._tracer.batch(*self._first), self._tracer.clock_ns()

    def on_second(self, message: Message, second: MarketSecond) -> None:
        """A market second that is yet to be labelled."""
        instrument, number = second.instrument, second.second
        context = self._tracer.incoming(message.headers(), TICKS.name) or self._tracer.second(instrument, number)
        if context.sampled:
            waiting = self._seconds.setdefault(instrument, {})
            if len(waiting) < SECONDS_MAX:
                waiting[number] = context

    def headers(self, transaction: Transaction) -> Headers | None:
        """What the records of a resolved order carry: the transaction's place, where the second that ended the order
        is sampled."""
        self._outputs += 1
        sampled = transaction.resolved_ns // NS_PER_S in self._seconds.get(transaction.instrument, ())
        return self._own.headers if self._own is not None and sampled else None

    def on_committed(self, labelers: Iterable[tuple[str, Labeler]]) -> Exemplar | None:
        """The transaction is visible; `labelers`: those that have labelled something in it, by instrument. Returns the
        trace that its duration is a sample of."""
        links = [context for name, labeler in labelers for context in self._labelled(name, labeler.second)]
        own, self._own = self._own, None
        outputs, self._outputs = self._outputs, 0
        if own is None or not links:
            return None
        attributes: Attributes = {
            "tidewheel.seconds_sampled": len(links),
            "tidewheel.orders_resolved": outputs,
            "messaging.destination.name": TRANSACTIONS.name,
            **place_of(*self._first),
        }
        self._tracer.record(
            Span("label", own, self._started_ns, self._tracer.clock_ns(), links=spread(links), attributes=attributes)
        )
        return exemplar(own)

    def discard(self) -> None:
        """The transaction was given up, or the partitions are another's: what was read comes again."""
        self._seconds.clear()
        self._own, self._outputs = None, 0

    def _labelled(self, instrument: str, until: int) -> list[TraceContext]:
        """In the order in which they came, which is that of the market."""
        waiting = self._seconds.get(instrument, {})
        return [waiting.pop(second) for second in list(takewhile(lambda one: one <= until, waiting))]
