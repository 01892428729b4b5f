"""The dead-letter queue: rejected records with their reason, counted, and not without limit."""

import logging
from collections import Counter
from typing import Protocol

from confluent_kafka import Message

from tidewheel.contracts.codecs.market import DeadLetter, encode_dead_letter
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.contracts.topics import DEAD_LETTERS, TOPICS
from tidewheel.runtime.process import FatalError
from tidewheel.telemetry import metrics
from tidewheel.telemetry.logs import of_record

# What is kept of a rejected record, so that its dead letter always fits into one.
RAW_BYTES_MAX = 100_000
KEY_BYTES_MAX = 4_000
DETAIL_MAX = 500
RECENT_RUNS = 8
FEED = "feed"


class DeadLetterLimit:
    """How many records may be rejected before the service stops instead of draining a topic into the queue.

    Pure: counts each record, raises FatalError when more than `run_max` bad ones come in a row, or when they are more
    than `share_max` of the recent past, which is about `RECENT_RUNS` times `run_max` records: years of good ones say
    nothing of today. A quarter: of two instruments on a partition, one that turned to garbage is a third of what a
    labeler reads of both topics.
    """

    def __init__(self, run_max: int = 1000, share_max: float = 0.25) -> None:
        self._run_max = run_max
        self._share_max = share_max
        self._run = 0
        self._bad = 0
        self._all = 0

    def accepted(self, count: int = 1) -> None:
        if count:  # none between two bad ones leaves them in a row
            self._run = 0
        self._all += count
        self._forget()

    def rejected(self) -> None:
        self._run += 1
        self._bad += 1
        self._all += 1
        if self._run > self._run_max:
            raise FatalError(f"{self._run} bad records in a row: stopping instead of rejecting a whole topic")
        if self._bad > self._run_max and self._bad > self._share_max * self._all:
            raise FatalError(
                f"{self._bad} of the last {self._all} records were bad: stopping instead of rejecting a whole topic"
            )
        self._forget()

    def _forget(self) -> None:
        """Both counts are halved when they grew large, so that what is long ago weighs less and less."""
        while self._all > RECENT_RUNS * self._run_max:
            self._bad //= 2
            self._all //= 2


class SupportsProduce(Protocol):
    """What is asked of a producer; confluent-kafka's is one."""

    def produce(self, topic: str, value: bytes, key: str, /) -> None: ...


class DeadLetterQueue:
    """Writes dead letters of one service by its producer; they are delivered with its flush or transaction."""

    def __init__(self, service: str, producer: SupportsProduce, limit: DeadLetterLimit | None = None) -> None:
        self._service = service
        self._producer = producer
        self._limit = limit or DeadLetterLimit()
        self._log = logging.getLogger(service)
        self._counts: Counter[tuple[str, str]] = Counter()
        # Made now, so that a reader of metrics sees 0 and not nothing.
        for source in [topic.name for topic in TOPICS.values() if service in topic.consumers] or [FEED]:
            metrics.DEAD_LETTERS.labels(service, source, DeadLetterReason.UNDECODABLE)

    def accepted(self, count: int = 1) -> None:
        """So many records since the last one that was rejected could be used; keeps the limits honest."""
        self._limit.accepted(count)

    def record(self, message: Message, failure: InvalidRecordError) -> None:
        """Reject a polled record. Raises FatalError when the limit is passed."""
        place = message.topic() or "", message.partition() or 0, message.offset() or 0
        self.put(self.make(*place, failure.reason, str(failure), key=message.key() or b"", raw=message.value() or b""))

    def make(
        self,
        source: str,
        partition: int,
        offset: int,
        reason: DeadLetterReason,
        detail: str,
        *,
        key: bytes = b"",
        raw: bytes,
        instrument: str = "",
    ) -> DeadLetter:
        """A dead letter of this service, cut where it is long."""
        return DeadLetter(
            service=self._service,
            source=source,
            partition=partition,
            offset=offset,
            reason=reason,
            detail=detail[:DETAIL_MAX],
            key=key[:KEY_BYTES_MAX],
            raw=raw[:RAW_BYTES_MAX],
            instrument=instrument,
        )

    def put(self, dead_letter: DeadLetter) -> None:
        """Write what `make` made. Raises FatalError when the limit is passed."""
        key = dead_letter.instrument or dead_letter.source
        self._producer.produce(DEAD_LETTERS.name, encode_dead_letter(dead_letter), key)
        # A source that is no topic has whatever name its owner gave it.
        source = dead_letter.source if dead_letter.source in TOPICS else FEED
        metrics.DEAD_LETTERS.labels(self._service, source, dead_letter.reason).inc()
        if dead_letter.source in TOPICS:  # ingest gives an account of its feed's rows
            self._log_rejected(dead_letter)
        self._limit.rejected()

    def _log_rejected(self, letter: DeadLetter) -> None:
        """The 1st of a reason, the 10th, 100th, …: all of them are on the topic."""
        self._counts[letter.source, letter.reason] += 1
        count = self._counts[letter.source, letter.reason]
        if str(count).strip("0") == "1":
            template = "%s[%d]@%d rejected (%s, %d so far): %s"
            values = (letter.source, letter.partition, letter.offset, letter.reason, count, letter.detail)
            fields = of_record(letter.source, letter.partition, letter.offset, reason=letter.reason)
            self._log.warning(template, *values, extra=fields)
