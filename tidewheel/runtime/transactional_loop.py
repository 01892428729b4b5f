"""Consume, process, produce and commit as one Kafka transaction (KIP-447).

Offsets are committed through the group's metadata: a member that was replaced cannot commit. Outputs, state and offsets
become visible together or not at all. A producer serves until its first transaction that is not certainly committed:
whatever else becomes of one, its producer is replaced, which ends it and fences what may still be on its way (ADR 24).
A consumer serves until it dies. What ends a process is another one that has its name, or a Kafka that stays away.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tidewheel.domain.errors import TidewheelError
from tidewheel.runtime import kafka
from tidewheel.runtime.kafka import PartitionId, close_consumer, is_transient
from tidewheel.runtime.kafka_refusals import failure_text
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.static_member import StaticMember, co_partitions
from tidewheel.runtime.transaction_policy import TransactionLeftOpenError, TransactionPolicy, is_fenced
from tidewheel.runtime.transaction_retry import Retrier
from tidewheel.runtime.transactional_producer import CommitUncertainError, TransactionalProducer
from tidewheel.runtime.watchdog import ClientHungError, Watchdog, call_with_watchdog
from tidewheel.telemetry import metrics

# A member that stays in the group for so many sessions is alive.
FOREIGN_MEMBER_SESSIONS = 1.5


class OffsetAndMetadata(NamedTuple):
    """Where to go on reading a partition, and the metadata that Kafka keeps with it."""

    offset: int
    metadata: str = ""


class Processor(Protocol):
    """What a service does with the records of its partitions. Called by one thread, never inside another call."""

    def on_assigned(
        self, partitions: Collection[int], committed: Mapping[PartitionId, OffsetAndMetadata]
    ) -> Mapping[PartitionId, int]:
        """Restore partitions in the state last committed; return the offset to read each from.

        Called after a rebalance, and after an aborted transaction as if there had been one. `committed`: what
        `checkpoint` last returned for them in a transaction that was committed, where there is any.
        """

    def on_revoked(self) -> None:
        """Forget all partitions and what was done in the open transaction."""

    def process(self, messages: Sequence[Message]) -> None:
        """Take records in, and send what comes of them."""

    def checkpoint(self) -> Mapping[PartitionId, OffsetAndMetadata]:
        """Send the state that goes with what was sent; return the offset of every partition held."""

    def on_committed(self) -> dict[str, str] | None:
        """Everything up to the last `checkpoint` is visible now. Returns the exemplar of it, if it has a trace."""

    def paused(self) -> Collection[PartitionId]:
        """Partitions not to be read further for now."""


RENEWAL_REASONS: dict[type[Exception], str] = {CommitUncertainError: "end_unanswered", ClientHungError: "client_hung"}


class ConsumerDeadError(TidewheelError):
    """A consumer is of no more use."""


class TransactionalLoop:
    """Runs a `Processor` on co-partitioned topics. A failed transaction takes consumer and state back to the
    committed point; a start, a rebalance, a new consumer and that are one path."""

    def __init__(
        self,
        member: StaticMember,
        producer: TransactionalProducer,
        topics: Sequence[str],
        processor: Processor,
        policy: TransactionPolicy,
        *,
        service: str,
        log: logging.Logger,
        batch_records_max: int = 500,
        wait_s: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
        heartbeat: Callable[[], None] = lambda: None,
        watchdog: Watchdog = call_with_watchdog,
    ) -> None:
        """`heartbeat` is called often, also while a call is retried. `watchdog` makes the calls that may hang."""
        self._member = member
        self._consumer = member.consumer()
        self._producer = producer
        self._topics = list(topics)
        self._processor = processor
        self._policy = policy
        self._service = service
        self._log = log
        self._batch_records_max = batch_records_max
        self._wait_s = wait_s
        self._clock, self.heartbeat = clock, heartbeat
        self._retrier = Retrier(policy, producer.wait, clock=clock, heartbeat=heartbeat, watchdog=watchdog, log=log)
        self._partitions: list[int] = []
        self._failure: Exception | None = None
        self._in_transaction = self._mid_batch = self._closing = self._reassigned = False
        self._paused: set[PartitionId] = set()
        self.assigned = False  # the group has told us our partitions, be it none

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Raises FatalError when another process has taken our place, or Kafka gives no more."""
        self._retrier.stop = stop
        try:
            self.start()
            while not stop.is_set():
                self.run_once()
                self.heartbeat()
            self.close()
        except TransactionLeftOpenError as failure:
            self._log.warning("stopping though %s: what is not committed will be done again", failure)
        except KafkaException as failure:
            if is_fenced(cause := failure.args[0]):
                raise FatalError(self._replaced(cause.str())) from failure
            raise FatalError(f"Kafka cannot be used ({cause.name()}): {failure_text(cause)}") from failure
        finally:
            self._forget_transaction()

    def _replaced(self, message: str) -> str:
        return f"another {self._service} with the same name has taken over: {message}"

    def start(self) -> None:
        """Join the group. What an earlier process with our id left open is aborted here."""
        self._retrier.retry(self._producer.renew)
        self._subscribe()

    def _subscribe(self) -> None:
        callbacks = {"on_assign": self._on_assign, "on_revoke": self._on_revoke, "on_lost": self._on_lost}
        self._consumer.subscribe(self._topics, **{name: self._deferring(call) for name, call in callbacks.items()})

    def run_once(self) -> None:
        """Read once, process, and commit if it is time; or join again, where our consumer died."""
        try:
            self._poll_once()
        except ConsumerDeadError as failure:
            self._rejoin(failure)

    @property
    def partitions(self) -> list[int]:
        """Those assigned and restored."""
        return list(self._partitions)

    @property
    def in_transaction(self) -> bool:
        """Something was sent, and is not committed."""
        return self._in_transaction

    def _poll_once(self) -> None:
        messages = self._consumer.consume(self._batch_records_max, self._wait_s)
        self._raise_deferred()
        if self._reassigned:
            # These were read before the assignment changed; the new partitions have been paused till now. But what ends
            # a client is told once: a labeler that overheard it lived on without partitions for ever.
            self._records(messages)
            self._resume_assigned()
            return
        if not messages:
            self._producer.wait(0.0)  # its log lines wait to be heard, also where nothing is written
        try:
            if records := self._records(messages):
                self._begin()
                self._mid_batch = True
                self._processor.process(records)
                self._mid_batch = False
                self._policy.on_processed(len(records), self._clock())
        except KafkaException as failure:
            self._abort_and_retry(failure)
            self._rewind()
        if self._policy.should_commit(self._clock()) and not self._commit():
            self._rewind()
        self._pause(self._processor.paused())

    def close(self) -> None:
        """Commit what was processed and leave. Never needed for correctness."""
        self._commit_processed()
        self._closing = True
        self._leave_group(self._consumer)
        self._raise_deferred()

    def _leave_group(self, consumer: Consumer) -> None:
        """Or leave it to itself: amid a rebalance that is not answered it takes a minute."""
        try:
            self._retrier.call_guarded(lambda: close_consumer(consumer))
        except (ClientHungError, TransactionLeftOpenError) as failure:
            self._log.warning("a consumer is left unclosed: %s", failure)

    def _rejoin(self, failure: ConsumerDeadError) -> None:
        """A new consumer takes the place of one that died. Raises FatalError where another process has our name."""
        self._log.warning("a new consumer joins the group: %s", failure)
        self._retrier.back_off(failure, str(failure))
        self._abort("consumer_dead")
        self._revoke()
        dead, self._consumer = self._consumer, self._member.consumer()
        self._leave_group(dead)
        self._subscribe()

    def _commit(self) -> bool:
        """The order of effects; False: the transaction was aborted instead."""
        started_s = self._clock()
        try:
            # 1. The state joins the outputs. Positions are those of records really processed.
            positions = self._processor.checkpoint()
            # 2. Who we are in the group, as of those records: before the next poll, which might make us someone else.
            member = self._consumer.consumer_group_metadata()
            # 3. Positions join the transaction. The group refuses them from a member that was replaced.
            offsets = [TopicPartition(*place, p.offset, metadata=p.metadata) for place, p in positions.items()]
            self._retrier.retry(lambda limit_s: self._send_offsets(offsets, member, limit_s))
            # 4. All of it becomes visible, or nothing.
            self._retrier.retry(self._producer.commit)
        except (KafkaException, CommitUncertainError, ClientHungError) as failure:
            self._abort_and_retry(failure)
            return False
        # 5. Only now is it a fact.
        self._in_transaction = self._mid_batch = False
        self._policy.on_committed()
        sample = self._processor.on_committed()
        metrics.COMMIT_DURATION_SECONDS.labels(self._service).observe(self._clock() - started_s, sample)
        # 6. What of it may still be on its way must meet no transaction of the same producer.
        if uncertainty := self._producer.uncertainty:
            self._log.warning("committed, though %s: a new producer goes on", uncertainty)
            self._renew(uncertainty.name.lower())
        return True

    def _abort_and_retry(self, failure: Exception) -> None:
        """Abort the open transaction, so that its work can be done again. Whether it was committed all the same, the
        group's offsets say once its producer is fenced. Raises FatalError where it would be in vain.

        Being fenced by the group is no word on who has our name: it says so too where the client lost its session, and
        with it its member id, between two calls of ours.
        """
        error = failure.args[0] if isinstance(failure, KafkaException) else None
        message = error.str() if error else str(failure)
        self._log.warning("transaction given up, its work is done again: %s", message)
        self._retrier.back_off(failure, message)
        self._abort(error.name().lower().lstrip("_") if error else RENEWAL_REASONS[type(failure)])

    def _abort(self, reason: str) -> None:
        if self._in_transaction:
            metrics.KAFKA_TRANSACTIONS_ABORTED.labels(self._service).inc()
        self._in_transaction = self._mid_batch = False
        self._policy.on_aborted()
        self._renew(reason)

    def _renew(self, reason: str) -> None:
        """A new producer; the group is asked first whether its name is still ours, so that we fence no successor."""
        self._check_name()
        self._retrier.retry(self._producer.renew)
        metrics.KAFKA_PRODUCER_RENEWALS.labels(self._service, reason).inc()

    def _check_name(self) -> None:
        """Raises FatalError where another process goes by it: one that is still there when a session is over. Until
        then it may be what is left of ourselves, of which our client never heard."""
        seen, since_s = "", 0.0
        while foreign_member := self._retrier.retry(self._member.foreign_member):
            if foreign_member != seen:  # only now: how long the group did not answer says nothing of it
                seen, since_s = foreign_member, self._clock()
            elif self._clock() - since_s > FOREIGN_MEMBER_SESSIONS * self._member.session_s:
                raise FatalError(self._replaced(f"the group knows {foreign_member}"))
            self._retrier.pause(since_s)

    def _forget_transaction(self) -> None:
        """Nothing is committed from here on, though a client that is let go of revokes. What is open is aborted by the
        next process of our name, or by the coordinator in time."""
        self._in_transaction = self._mid_batch = False

    def _begin(self) -> None:
        if not self._in_transaction:
            self._producer.begin()
            self._in_transaction = True

    def _send_offsets(self, offsets: list[TopicPartition], member: object, limit_s: float) -> None:
        """As the producer's. Raises ClientHungError where that does not come back at all: librdkafka ignores its limit
        once the broker went away under it (its issue 5456)."""

        def send() -> None:
            self._producer.send_offsets(offsets, member, limit_s)

        self._retrier.call_guarded(send)

    def _records(self, messages: Iterable[Message]) -> list[Message]:
        """Messages that are records. Raises ConsumerDeadError; KafkaException for an error that does not pass."""
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(message)
            elif is_transient(error):
                self._log.warning("consumer: %s", error.str())
            elif error.fatal() or error.code() == KafkaError._FATAL:
                raise ConsumerDeadError(error.str())
            else:
                raise KafkaException(error)
        return records

    def _deferring(self, callback: Callable[..., None]) -> Callable[..., None]:
        """What leaves a callback may come out of the client as a thing that no `except` catches."""
        own = self._consumer

        def call(consumer: Consumer, parts: list[TopicPartition]) -> None:
            if own is not self._consumer:
                consumer.unassign()  # one that died, and is still closing
                return
            try:
                callback(consumer, parts)
            except Exception as failure:
                self._failure = failure

        return call

    def _raise_deferred(self) -> None:
        if self._failure is not None:
            raise self._failure

    # ---- partitions come and go ------------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        if self._closing:
            consumer.unassign()  # the group answered as we left it
            return
        partitions = co_partitions(self._topics, parts)
        self._log.info("assigned partitions %s", partitions)
        self._member.assigned()
        starts = self._restore(partitions)
        consumer.assign(starts)
        consumer.pause(starts)
        self._reassigned = self.assigned = True

    def _on_revoke(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        self._commit_processed()
        self._revoke()
        consumer.unassign()

    def _on_lost(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        """Someone else may have our partitions already."""
        self._log.warning("lost the assignment")
        self._check_name()
        if self._in_transaction:
            self._abort("assignment_lost")
        self._revoke()
        consumer.unassign()

    def _commit_processed(self) -> None:
        """Commit what was processed; never what broke off, since a client that is let go of revokes too."""
        if self._mid_batch:
            self._forget_transaction()
        elif self._in_transaction:
            self._commit()

    def _revoke(self) -> None:
        self._processor.on_revoked()
        self._partitions, self._paused, self._reassigned, self.assigned = [], set(), True, False

    def _restore(self, partitions: list[int]) -> list[TopicPartition]:
        """State as committed, and where to read from. Waits for a commit of another member that is under way."""
        found = self._retrier.retry(lambda limit_s: self._committed(partitions, limit_s))
        committed = {
            (p.topic, p.partition): OffsetAndMetadata(p.offset, p.metadata or "") for p in found if p.offset >= 0
        }
        self._processor.on_revoked()
        self._partitions = partitions
        starts = self._processor.on_assigned(partitions, committed)
        return [TopicPartition(*place, offset) for place, offset in starts.items()]

    def _committed(self, partitions: list[int], limit_s: float) -> list[TopicPartition]:
        """Offsets with their metadata. Raises KafkaException, also for one partition alone."""
        places = [TopicPartition(topic, p) for topic in self._topics for p in partitions]
        return kafka.committed(self._consumer, places, limit_s)

    def _rewind(self) -> None:
        """Raises ConsumerDeadError where the consumer cannot go back: its client has lost the assignment unheard."""
        for start in self._restore(self._partitions):
            try:
                self._consumer.seek(start)
            except KafkaException as failure:
                raise ConsumerDeadError(failure.args[0].str()) from failure

    def _resume_assigned(self) -> None:
        self._reassigned = False
        self._consumer.resume(self._consumer.assignment())

    def _pause(self, places: Collection[PartitionId]) -> None:
        wanted = set(places)
        if wanted == self._paused:
            return
        self._consumer.pause([TopicPartition(*place) for place in wanted - self._paused])
        self._consumer.resume([TopicPartition(*place) for place in self._paused - wanted])
        self._paused = wanted
