"""What the trainer writes to Kafka: a run's state changes, in order, stamped with the wall clock; and its dead letters,
which have to be delivered as well before offsets are committed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from confluent_kafka import Producer

from services.trainer.metrics import record_step
from services.trainer.runs.traces import RunTraces
from tidewheel.contracts.codecs.training import encode_run_event
from tidewheel.contracts.topics import TRAINING_RUNS
from tidewheel.domain.training import RunEvent
from tidewheel.runtime.kafka import Config
from tidewheel.runtime.outbox import ConfirmedOutbox


class RunEventSink(Protocol):
    """Where a run's state changes go. `flush` returns when all that was written is kept."""

    def write(self, event: RunEvent) -> None: ...
    def flush(self) -> None: ...


class RunEventProducer(ConfirmedOutbox):
    """Writes events by an idempotent producer. A crash may repeat an event, which names the same change; none is lost
    that `flush` returned for."""

    def __init__(
        self,
        make: Callable[[Config], Producer],
        clock_ns: Callable[[], int],
        traces: RunTraces | None = None,
    ) -> None:
        super().__init__(make)
        self._clock_ns = clock_ns
        self._traces = traces

    def write(self, event: RunEvent) -> None:
        """Send an event now. Raises KafkaException where an earlier one could not be delivered."""
        stamped = replace(event, at_ns=self._clock_ns())
        headers = self._traces.on_event(stamped) if self._traces is not None else None
        self.produce(TRAINING_RUNS.name, encode_run_event(stamped), event.instrument, headers=headers)
        self.poll()
        record_step(event)
