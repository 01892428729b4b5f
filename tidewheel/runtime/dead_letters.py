"""Setting bad records aside: with their reason, counted, and not without limit."""

from typing import Protocol

from confluent_kafka import Message

from tidewheel.contracts.bad_record import BadRecord
from tidewheel.contracts.codecs.market import DeadLetter, encode_dead_letter
from tidewheel.contracts.topics import DEAD_LETTERS
from tidewheel.runtime.process import Unusable
from tidewheel.telemetry import metrics

RAW_BYTES_MAX = 100_000


class DeadLetterLimit:
    """How much may be set aside before the service stops instead of draining a topic into the bin.

    Pure: told of each record, raises Unusable when more than `run_max` bad ones come in a row, or when more than
    `share_max` of at least `run_max` records were bad.
    """

    def __init__(self, run_max: int = 1000, share_max: float = 0.5) -> None:
        self._run_max = run_max
        self._share_max = share_max
        self._run = 0
        self._bad = 0
        self._all = 0

    def good(self, count: int = 1) -> None:
        if count:  # none between two bad ones leaves them in a row
            self._run = 0
        self._all += count

    def bad(self) -> None:
        self._run += 1
        self._bad += 1
        self._all += 1
        if self._run > self._run_max:
            raise Unusable(f"{self._run} bad records in a row: stopping instead of setting a whole topic aside")
        if self._bad > self._run_max and self._bad > self._share_max * self._all:
            raise Unusable(
                f"{self._bad} of {self._all} records were bad: stopping instead of setting a whole topic aside"
            )


class Produces(Protocol):
    """What is asked of a producer; confluent-kafka's is one."""

    def produce(self, topic: str, value: bytes, key: str, /) -> None: ...


class DeadLetterBin:
    """Writes dead letters of one service by its producer; they are delivered with its flush or transaction."""

    def __init__(self, service: str, producer: Produces, limit: DeadLetterLimit | None = None) -> None:
        self._service = service
        self._producer = producer
        self._limit = limit or DeadLetterLimit()

    def good(self, count: int = 1) -> None:
        """So many records since the last one that was set aside could be used; keeps the limits honest."""
        self._limit.good(count)

    def record(self, message: Message, failure: BadRecord) -> None:
        """Set a polled record aside. Raises Unusable when the limit is passed."""
        self.put(
            DeadLetter(
                service=self._service,
                source=message.topic() or "",
                partition=message.partition() or 0,
                offset=message.offset() or 0,
                reason=failure.reason,
                detail=str(failure),
                key=message.key() or b"",
                raw=(message.value() or b"")[:RAW_BYTES_MAX],
            )
        )

    def put(self, letter: DeadLetter) -> None:
        """Set anything aside. Raises Unusable when the limit is passed."""
        key = letter.instrument or letter.source
        self._producer.produce(DEAD_LETTERS.name, encode_dead_letter(letter), key)
        metrics.DEAD_LETTERS.labels(self._service, letter.source, letter.reason).inc()
        self._limit.bad()
