"""What goes out by a producer: a full queue is waited for, and a delivery that failed is raised."""

from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tidewheel.runtime.kafka import Config, flush
from tidewheel.runtime.kafka_refusals import ERROR_CB
from tidewheel.telemetry.tracing.context import Headers

QUEUE_FULL_WAIT_S = 0.01
FLUSH_LIMIT_S = 30.0
PARTITION_OF_KEY = -1
# How often a producer that has failed for good is asked why, a QUEUE_FULL_WAIT_S each time.
ASKED_WHY_MAX = 100


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
            except KafkaException as failure:
                self._explain(failure)
                raise

    def _explain(self, failure: KafkaException) -> None:
        """Called where a record is not taken; what it raises is raised instead."""

    def _await_room(self) -> None:
        """Called while the queue is full; what it raises ends the wait."""
        self._producer.poll(QUEUE_FULL_WAIT_S)


class ConfirmedOutbox(Outbox):
    """Without transactions: the first delivery that fails is raised from then on, as KafkaException. Records after it
    must not stand where it should, nor offsets be committed over it."""

    def __init__(self, make: Callable[[Config], Producer]) -> None:
        """`make`: a client whose configuration has what it is given: who hears of its deliveries and its errors."""
        self._failure: KafkaError | None = None
        super().__init__(make({"on_delivery": self._on_delivery, ERROR_CB: self._on_error}))

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

    def _explain(self, failure: KafkaException) -> None:
        """A producer that has failed for good says so of each record, and why to the listener alone, a moment later.
        Raises KafkaException."""
        if failure.args[0].code() == KafkaError._FATAL:
            for _ in range(ASKED_WHY_MAX):
                self.poll(QUEUE_FULL_WAIT_S)

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        self._failure = self._failure or error

    def _on_error(self, error: KafkaError) -> None:
        """Errors that are not fatal are mended by the client, or told of the records that they hit."""
        if error.fatal():
            self._failure = self._failure or error

    def _check(self) -> None:
        if self._failure is not None:
            raise KafkaException(self._failure)
