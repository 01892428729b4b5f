"""What the trainer writes to Kafka: a run's state changes, in order, stamped with the wall clock; and its dead letters,
which have to be delivered as well before offsets are committed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tidewheel.contracts.codecs.training import encode_run_event
from tidewheel.contracts.topics import TRAINING_RUNS
from tidewheel.domain.training import RunEvent
from tidewheel.runtime import kafka


class RunEventSink(Protocol):
    """Where a run's state changes go. `flush` returns when all that was written is kept."""

    def write(self, event: RunEvent) -> None: ...
    def flush(self) -> None: ...


class RunEventProducer:
    """Writes events by an idempotent producer. A crash may repeat an event, which names the same change; none is lost
    that `flush` returned for."""

    def __init__(self, producer: Producer, clock_ns: Callable[[], int]) -> None:
        self._producer = producer
        self._clock_ns = clock_ns
        self._failure: KafkaError | None = None

    def write(self, event: RunEvent) -> None:
        """Send an event now. Raises KafkaException where an earlier one could not be delivered."""
        stamped = replace(event, at_ns=self._clock_ns())
        self.produce(TRAINING_RUNS.name, encode_run_event(stamped), event.instrument)
        self.poll()

    def produce(self, topic: str, value: bytes, key: str, /) -> None:
        """For `DeadLetterQueue`."""
        self._producer.produce(topic, value, key, on_delivery=self._delivered)

    def poll(self) -> None:
        """Hear what was delivered since. Raises KafkaException where something could not be."""
        self._producer.poll(0)
        self._check()

    def flush(self) -> None:
        """Return when all is delivered. Raises KafkaException where something is not."""
        kafka.flush(self._producer)
        self._check()

    def _delivered(self, error: KafkaError | None, _: Message | Any) -> None:
        self._failure = self._failure or error

    def _check(self) -> None:
        if self._failure is not None:
            raise KafkaException(self._failure)
