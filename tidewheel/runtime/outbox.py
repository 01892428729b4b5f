"""What goes out by a producer: a full queue is waited for, and a delivery that failed is raised."""

from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tidewheel.runtime.kafka import flush
from tidewheel.telemetry.tracing.context import Headers

QUEUE_FULL_WAIT_S = 0.01
FLUSH_LIMIT_S = 30.0
PARTITION_OF_KEY = -1

OnDelivery = Callable[[KafkaError | None, Message], None]


class Outbox:
    """Produces; waits while the producer's queue is full."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | str,
        partition: int = PARTITION_OF_KEY,
        headers: Headers | None = None,
    ) -> None:
        while True:
            try:
                if headers is None:
                    self._producer.produce(topic, value, key, partition)
                else:
                    self._producer.produce(topic, value, key, partition, headers=headers)
                return
            except BufferError:
                self._await_room()

    def _await_room(self) -> None:
        """Called while the queue is full; what it raises ends the wait."""
        self._producer.poll(QUEUE_FULL_WAIT_S)


class ConfirmedOutbox(Outbox):
    """Without transactions: the first delivery that fails is raised from then on, as KafkaException. Records after it
    must not stand where it should, nor offsets be committed over it."""

    def __init__(self, make: Callable[[OnDelivery], Producer]) -> None:
        """`make`: a client that reports deliveries to what it is given, those that fail at least."""
        self._failure: KafkaError | None = None
        super().__init__(make(self._on_delivery))

    def poll(self, wait_s: float = 0.0) -> None:
        """Hear what was delivered since. Raises KafkaException where something could not be."""
        self._producer.poll(wait_s)
        self._check()

    def in_flight(self) -> int:
        """Records not yet delivered."""
        return len(self._producer)

    def flush(self, limit_s: float = FLUSH_LIMIT_S) -> None:
        """Return when all is delivered. Raises KafkaException where something is not."""
        flush(self._producer, limit_s)
        self._check()

    def close(self) -> None:
        """Let go of the producer; what is not delivered by now is dropped."""
        self._producer.purge()
        self._producer.close()

    def _await_room(self) -> None:
        self.poll(QUEUE_FULL_WAIT_S)

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        self._failure = self._failure or error

    def _check(self) -> None:
        if self._failure is not None:
            raise KafkaException(self._failure)
