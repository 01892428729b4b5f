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

from tidewheel.runtime import kafka
from tidewheel.runtime.hang_guard import ClientHung, Guard, beside
from tidewheel.runtime.kafka import Place, leave, passing
from tidewheel.runtime.patience import Patience
from tidewheel.runtime.process import Unusable
from tidewheel.runtime.static_member import StaticMember, co_partitions
from tidewheel.runtime.transaction_policy import LeftOpen, Policy, fenced
from tidewheel.runtime.transactional_producer import EndUncertain, TransactionalProducer
from tidewheel.telemetry import metrics

# A member that stays in the group for so many sessions is alive.
STRANGER_SESSIONS = 1.5


class Position(NamedTuple):
    """Where to go on reading a place, and a note that is kept with it."""

    offset: int
    note: str = ""


class Work(Protocol):
    """What a service does with the records of its partitions. Called by one thread, never inside another call."""

    def restore(self, partitions: Collection[int], committed: Mapping[Place, Position]) -> Mapping[Place, int]:
        """Take up partitions in the state last committed; return the offset to read each of their places from.

        `committed`: what `complete` last returned for them in a transaction that was committed, where there is any.
        """

    def drop(self) -> None:
        """Forget all partitions and what was done in the open transaction."""

    def process(self, messages: Sequence[Message]) -> None:
        """Take records in, and send what comes of them."""

    def complete(self) -> Mapping[Place, Position]:
        """Send the state that goes with what was sent; return the position of every place held."""

    def committed(self) -> None:
        """Everything up to the last `complete` is visible now."""

    def held_back(self) -> Collection[Place]:
        """Places not to be read further for now."""


UNANSWERED = {EndUncertain: "end_unanswered", ClientHung: "client_hung"}


class ConsumerDead(Exception):
    """A consumer is of no more use."""


class TransactionalLoop:
    """Runs a `Work` on co-partitioned topics. A failed transaction takes consumer and state back to the committed
    point; a start, a rebalance, a new consumer and that are one path."""

    def __init__(
        self,
        member: StaticMember,
        producer: TransactionalProducer,
        topics: Sequence[str],
        work: Work,
        policy: Policy,
        *,
        service: str,
        log: logging.Logger,
        batch_records_max: int = 500,
        wait_s: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
        on_turn: Callable[[], None] = lambda: None,
        guard: Guard = beside,
    ) -> None:
        """`on_turn` is called often, also while a call is tried again. `guard` makes the calls that may hang."""
        self._member = member
        self._consumer = member.consumer()
        self._producer = producer
        self._topics = list(topics)
        self._work = work
        self._policy = policy
        self._service = service
        self._log = log
        self._batch_records_max = batch_records_max
        self._wait_s = wait_s
        self._clock = clock
        self._on_turn = on_turn
        self._patience = Patience(policy, producer.wait, clock=clock, on_turn=on_turn, guard=guard, log=log)
        self._partitions: list[int] = []
        self._failure: Exception | None = None
        self._reassigned = False
        self._in_transaction = self._half_done = self._closing = False
        self._paused: set[Place] = set()
        self.assigned = False  # the group has told us our partitions, be it none

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Raises Unusable when another process has taken our place, or Kafka gives no more."""
        self._patience.stop = stop
        try:
            self.start()
            while not stop.is_set():
                self.turn()
                self._on_turn()
            self.close()
        except LeftOpen as failure:
            self._log.warning("stopping though %s: what is not committed will be done again", failure)
        except KafkaException as failure:
            cause = failure.args[0]
            if fenced(cause):
                raise Unusable(self._replaced(cause.str())) from failure
            raise Unusable(f"Kafka cannot be used ({cause.name()}): {cause.str()}") from failure
        finally:
            self._leave()

    def _replaced(self, words: str) -> str:
        return f"another {self._service} with the same name has taken over: {words}"

    def start(self) -> None:
        """Join the group. What an earlier process with our id left open is aborted here."""
        self._patience.insist(self._producer.renew)
        self._subscribe()

    def _subscribe(self) -> None:
        told = {"on_assign": self._on_assign, "on_revoke": self._on_revoke, "on_lost": self._on_lost}
        self._consumer.subscribe(self._topics, **{name: self._kept(call) for name, call in told.items()})

    def turn(self) -> None:
        """Read once, process, and commit if it is time; or join again, where our consumer died."""
        try:
            self._turn()
        except ConsumerDead as failure:
            self._join_again(failure)

    def _turn(self) -> None:
        messages = self._consumer.consume(self._batch_records_max, self._wait_s)
        self._raise_kept()
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
                self._half_done = True
                self._work.process(records)
                self._half_done = False
                self._policy.took(len(records), self._clock())
        except KafkaException as failure:
            self._start_over(failure)
            self._rewind()
        if self._policy.due(self._clock()) and not self._commit():
            self._rewind()
        self._hold_back(self._work.held_back())

    def close(self) -> None:
        """Commit what was processed and leave. Never needed for correctness."""
        self._finish()
        self._closing = True
        self._leave_group(self._consumer)
        self._raise_kept()

    def _leave_group(self, consumer: Consumer) -> None:
        """Or leave it to itself: amid a rebalance that is not answered it takes a minute."""
        try:
            self._patience.guarded(lambda: leave(consumer))
        except (ClientHung, LeftOpen) as failure:
            self._log.warning("a consumer is left unclosed: %s", failure)

    def _join_again(self, failure: ConsumerDead) -> None:
        """A new consumer takes the place of one that died. Raises Unusable where another process has our name."""
        self._log.warning("a new consumer joins the group: %s", failure)
        self._patience.pause_after(failure, str(failure))
        self._give_up("consumer_dead")
        self._let_go()
        dead, self._consumer = self._consumer, self._member.consumer()
        self._leave_group(dead)
        self._subscribe()

    def _commit(self) -> bool:
        """The order of effects; False: the transaction was given up instead."""
        started_s = self._clock()
        try:
            # 1. The state joins the outputs. Positions are those of records really processed.
            positions = self._work.complete()
            # 2. Who we are in the group, as of those records: before the next poll, which might make us someone else.
            member = self._consumer.consumer_group_metadata()
            # 3. Positions join the transaction. The group refuses them from a member that was replaced.
            offsets = [TopicPartition(*place, p.offset, metadata=p.note) for place, p in positions.items()]
            self._patience.insist(lambda limit_s: self._send_offsets(offsets, member, limit_s))
            # 4. All of it becomes visible, or nothing.
            self._patience.insist(self._producer.commit)
        except (KafkaException, EndUncertain, ClientHung) as failure:
            self._start_over(failure)
            return False
        # 5. Only now is it a fact.
        self._in_transaction = self._half_done = False
        self._policy.committed()
        self._work.committed()
        metrics.COMMIT_DURATION_SECONDS.labels(self._service).observe(self._clock() - started_s)
        # 6. What of it may still be on its way must meet no transaction of the same producer.
        if uncertainty := self._producer.uncertainty:
            self._log.warning("committed, though %s: a new producer goes on", uncertainty)
            self._renew(uncertainty.name.lower())
        return True

    def _start_over(self, failure: Exception) -> None:
        """Give the open transaction up, so that its work can be done again. Whether it was committed all the same, the
        group's offsets say once its producer is fenced. Raises Unusable where it would be in vain.

        Being fenced by the group is no word on who has our name: it says so too where the client lost its session, and
        with it its member id, between two calls of ours.
        """
        error = failure.args[0] if isinstance(failure, KafkaException) else None
        words = error.str() if error else str(failure)
        self._log.warning("transaction given up, its work is done again: %s", words)
        self._patience.pause_after(failure, words)
        self._give_up(error.name().lower().lstrip("_") if error else UNANSWERED[type(failure)])

    def _give_up(self, reason: str) -> None:
        if self._in_transaction:
            metrics.TRANSACTIONS_ABORTED.labels(self._service).inc()
        self._in_transaction = self._half_done = False
        self._policy.given_up()
        self._renew(reason)

    def _renew(self, reason: str) -> None:
        """A new producer; the group is asked first whether its name is still ours, so that we fence no successor."""
        self._check_name()
        self._patience.insist(self._producer.renew)
        metrics.PRODUCER_RENEWALS.labels(self._service, reason).inc()

    def _check_name(self) -> None:
        """Raises Unusable where another process goes by it: one that is still there when a session is over. Until then
        it may be what is left of ourselves, of which our client never heard."""
        since_s = self._clock()
        while stranger := self._patience.insist(self._member.stranger):
            if self._clock() - since_s > STRANGER_SESSIONS * self._member.session_s:
                raise Unusable(self._replaced(f"the group knows {stranger}"))
            self._patience.pause(since_s)

    def _leave(self) -> None:
        """Nothing is committed from here on, though a client that is let go of revokes. What is open is aborted by the
        next process of our name, or by the coordinator in time."""
        self._in_transaction = self._half_done = False

    def _begin(self) -> None:
        if not self._in_transaction:
            self._producer.begin()
            self._in_transaction = True

    def _send_offsets(self, offsets: list[TopicPartition], member: object, limit_s: float) -> None:
        """As the producer's. Raises ClientHung where that does not come back at all: librdkafka ignores its limit once
        the broker went away under it (its issue 5456)."""

        def send() -> None:
            self._producer.send_offsets(offsets, member, limit_s)

        self._patience.guarded(send)

    def _records(self, messages: Iterable[Message]) -> list[Message]:
        """Messages that are records. Raises ConsumerDead; KafkaException for another error that does not pass."""
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(message)
            elif passing(error):
                self._log.warning("consumer: %s", error.str())
            elif error.fatal() or error.code() == KafkaError._FATAL:
                raise ConsumerDead(error.str())
            else:
                raise KafkaException(error)
        return records

    def _kept(self, told: Callable[..., None]) -> Callable[..., None]:
        """What leaves a callback may come out of the client as a thing that no `except` catches."""
        told_by = self._consumer

        def call(consumer: Consumer, parts: list[TopicPartition]) -> None:
            if told_by is not self._consumer:
                consumer.unassign()  # one that died, and is still closing
                return
            try:
                told(consumer, parts)
            except Exception as failure:
                self._failure = failure

        return call

    def _raise_kept(self) -> None:
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
        starts = self._take_up(partitions)
        consumer.assign(starts)
        consumer.pause(starts)
        self._reassigned = self.assigned = True

    def _on_revoke(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        self._finish()
        self._let_go()
        consumer.unassign()

    def _on_lost(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        """Someone else may have our partitions already."""
        self._log.warning("lost the assignment")
        self._check_name()
        if self._in_transaction:
            self._give_up("assignment_lost")
        self._let_go()
        consumer.unassign()

    def _finish(self) -> None:
        """Commit what was processed; never what broke off, since a client that is let go of revokes too."""
        if self._half_done:
            self._leave()
        elif self._in_transaction:
            self._commit()

    def _let_go(self) -> None:
        self._work.drop()
        self._partitions, self._paused, self._reassigned, self.assigned = [], set(), True, False

    def _take_up(self, partitions: list[int]) -> list[TopicPartition]:
        """State as committed, and where to read from. Waits for a commit of another member that is under way."""
        found = self._patience.insist(lambda limit_s: self._committed(partitions, limit_s))
        committed = {(p.topic, p.partition): Position(p.offset, p.metadata or "") for p in found if p.offset >= 0}
        self._work.drop()
        self._partitions = partitions
        starts = self._work.restore(partitions, committed)
        return [TopicPartition(*place, offset) for place, offset in starts.items()]

    def _committed(self, partitions: list[int], limit_s: float) -> list[TopicPartition]:
        """Offsets with their notes. Raises KafkaException, also for one partition alone."""
        places = [TopicPartition(topic, p) for topic in self._topics for p in partitions]
        return kafka.committed(self._consumer, places, limit_s)

    def _rewind(self) -> None:
        """Raises ConsumerDead where the consumer cannot go back: its client has lost the assignment without a word."""
        for start in self._take_up(self._partitions):
            try:
                self._consumer.seek(start)
            except KafkaException as failure:
                raise ConsumerDead(failure.args[0].str()) from failure

    def _resume_assigned(self) -> None:
        self._reassigned = False
        self._consumer.resume(self._consumer.assignment())

    def _hold_back(self, places: Collection[Place]) -> None:
        wanted = set(places)
        if wanted == self._paused:
            return
        self._consumer.pause([TopicPartition(*place) for place in wanted - self._paused])
        self._consumer.resume([TopicPartition(*place) for place in self._paused - wanted])
        self._paused = wanted
