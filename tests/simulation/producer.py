"""A producer on the broker in memory, with the calls and errors of confluent-kafka's that Tidewheel uses."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from tests.simulation import errors
from tests.simulation.broker import Broker, bytes_of
from tests.simulation.consumer_groups import GroupMetadata
from tests.simulation.injector import FaultInjector
from tests.simulation.network import ApiKey
from tests.simulation.records import PartitionKey, TransactionState
from tests.simulation.request_sender import RESEND_WAIT_S, ClientLog, Sender
from tidewheel.telemetry.tracing.context import Headers

Delivered = Callable[[KafkaError | None, Message | None], None]
Queued = tuple[bytes | None, bytes | None, Headers | None, Delivered | None]
# What a client sends by itself, some at a time: all that is more than this, and within transactions by chance as it is
# queued, since a partition that gets its records in one go cannot be torn. The rest waits for the next call.
QUEUE_MAX = 400
SEND_PROBABILITY = 0.05
# How many calls more go on waiting for an end that timed out.
TIMEOUTS_BEFORE_RESEND = (0, 0, 2)


class SimProducer:
    """Records wait in the client, by partition and in order, until something sends them; a kill forgets them."""

    def __init__(self, broker: Broker, injector: FaultInjector, chance: Random, config: Mapping[str, Any]) -> None:
        self._broker = broker
        self._injector = injector
        self.chance = chance
        self._transactional_id: str | None = config.get("transactional.id")
        self._log = ClientLog(config)
        self._sender = Sender(injector, str(self._transactional_id), self._log)
        self._report: Delivered | None = config.get("on_delivery")
        self._report_errors_only = bool(config.get("delivery.report.only.error"))
        self._gapless = bool(config.get("enable.gapless.guarantee"))
        self.reports_failures_immediately = False
        self._queues: dict[PartitionKey, deque[Queued]] = {}
        self._waiting = 0
        self._reports: list[tuple[Delivered, KafkaError | None]] = []
        self._epoch = -1
        self._open = self._must_abort = False
        self._registered: set[PartitionKey | str] = set()  # what the open transaction has, as far as the client knows
        self._ending: TransactionState | None = None  # an end is under way; it may have been asked for once or more
        self._ended: TransactionState | None = None  # how the last transaction was decided, until the next one begins
        self._fatal: KafkaException | None = None

    def __len__(self) -> int:
        return self._waiting + len(self._reports)

    # ---- records ----

    def produce(
        self,
        topic: str,
        value: bytes | str | None = None,
        key: bytes | str | None = None,
        partition: int = -1,
        on_delivery: Delivered | None = None,
        headers: Headers | None = None,
    ) -> None:
        """Queue a record."""
        self._raise_fatal()
        if self._transactional_id is not None and (not self._open or self._must_abort):
            raise errors.wrong_state("produce needs a transaction that can be committed")
        try:
            self._injector.before("produce")
        except KafkaException:
            self._must_abort = True
            raise
        partition_key = self._broker.partition_key_of(topic, bytes_of(key), partition)
        self._queues.setdefault(partition_key, deque()).append(
            (bytes_of(key), bytes_of(value), headers, on_delivery or self._report)
        )
        self._waiting += 1
        if self._waiting > QUEUE_MAX or (
            self._transactional_id is not None and self.chance.random() < SEND_PROBABILITY
        ):
            self._send_some()
        self._injector.after("produce")

    def poll(self, timeout: float = 0.0) -> int:
        """Tell of deliveries; time for the client to send."""
        if timeout > 0:
            self._injector.idle(timeout)
        else:
            self._injector.before("poll")
        self._send_some()
        delivered = self._report_deliveries()
        if timeout <= 0:
            self._injector.after("poll")
        return delivered

    def flush(self, timeout: float = -1.0) -> int:
        """Send everything; returns what could not be sent."""
        try:
            self._injector.before("flush")
        except KafkaException:
            return self._waiting
        while self._waiting:
            self._send_some()
        self._injector.after("flush")
        self._report_deliveries()
        return self._waiting

    def purge(self, **_more: Any) -> None:
        """Forget what was not sent."""
        self._queues.clear()
        self._waiting = 0

    def close(self, timeout: float = 0.0) -> bool:
        return True

    def _send_some(self) -> None:
        """Some of what waits, in the order of each partition. A fault before it gives up what would have been sent, one
        after it leaves the client in the belief that it was not."""
        if not self._waiting:
            return
        failure = _failure_of(lambda: self._injector.before("send"))
        batches = [] if failure is not None and self._gapless else self._batches()
        if failure is not None and not batches:
            batches = self._all()
        if failure is None:
            failure = self._send_each(batches)
            failure = failure or _failure_of(lambda: self._injector.after("send"))
            if failure is not None and self._gapless:
                batches += self._all()
        self._report_on(batches, failure)

    def _batches(self) -> list[tuple[PartitionKey, *Queued]]:
        """Some of each queue, taken out of it."""
        taken: list[tuple[PartitionKey, *Queued]] = []
        for partition_key in sorted(self._queues, key=lambda _: self.chance.random()):
            queue = self._queues[partition_key]
            count = len(queue) if self.chance.random() < 0.5 else self.chance.randint(0, len(queue))
            taken += [(partition_key, *queue.popleft()) for _ in range(count)]
            if not queue:
                del self._queues[partition_key]
        self._waiting -= len(taken)
        return taken

    def _all(self) -> list[tuple[PartitionKey, *Queued]]:
        taken = [(partition_key, *one) for partition_key, queue in self._queues.items() for one in queue]
        self.purge()
        return taken

    def _send_each(self, batches: list[tuple[PartitionKey, *Queued]]) -> KafkaException | None:
        """Returns what the broker says if it takes a record in no transaction; a client that was replaced is dead."""
        try:
            for partition_key, key, value, headers, _ in batches:
                self._send(partition_key, key, value, headers)
        except KafkaException as failure:
            if not failure.args[0].fatal():
                return failure
            self._fatal = failure
        return None

    def _send(
        self, partition_key: PartitionKey, key: bytes | None, value: bytes | None, headers: Headers | None
    ) -> None:
        within = None
        if self._transactional_id is not None:
            self._register(ApiKey.ADD_PARTITIONS, partition_key)
            within = self._broker.registered(self._transactional_id, self._epoch, partition_key)
        self._broker.append(partition_key, key, value, within, headers)

    def _register(self, request: ApiKey, what: PartitionKey | str, wait_s: float = 0.0) -> None:
        """Once a transaction, before the first record to a partition or the first offsets of a group."""
        if what not in self._registered:
            call = partial(self._broker.register, str(self._transactional_id), self._epoch, what)
            self._sender.send(request, call, wait_s)
            self._registered.add(what)

    def _report_on(self, batches: list[tuple[PartitionKey, *Queued]], failure: KafkaException | None) -> None:
        error = None if failure is None else failure.args[0]
        for *_, report in batches:
            if report is not None and (error is not None or not self._report_errors_only):
                self._reports.append((report, error))
        if batches and error is not None:
            self._must_abort = True
            if self._gapless:
                self._fatal = errors.gapless_failure()
            if self.reports_failures_immediately:
                self._report_deliveries()

    def _report_deliveries(self) -> int:
        self._log.write_out()
        reports, self._reports = self._reports, []
        for report, error in reports:
            report(error, None)
        return len(reports)

    # ---- transactions ----

    def transaction_expires(self) -> None:
        """The broker aborts what this producer left open, unless another has its id by now."""
        if self._transactional_id is not None and self._broker.epoch(self._transactional_id) == self._epoch:
            self._broker.expire(self._transactional_id)

    def init_transactions(self, timeout: float = -1.0) -> None:
        self._injector.before("init")
        assert self._transactional_id is not None
        self._epoch = self._sender.send(ApiKey.INIT, partial(self._broker.init, self._transactional_id))
        self._injector.after("init")

    def begin_transaction(self) -> None:
        self._raise_fatal()
        if self._open:
            raise errors.wrong_state("a transaction is open already")
        self._injector.before("begin")
        self._open, self._must_abort, self._ending, self._ended = True, False, None, None
        self._registered = set()
        self._injector.after("begin")

    def send_offsets_to_transaction(
        self, positions: Sequence[TopicPartition], group_metadata: GroupMetadata, timeout: float = -1.0
    ) -> None:
        self._in_transaction("send_offsets")
        offsets = {(one.topic, one.partition): (one.offset, one.metadata or "") for one in positions}
        if offsets:
            try:
                self._add_offsets(group_metadata, offsets)
            except KafkaException as failure:
                self._raise_abortable(failure)
        self._injector.after("send_offsets")

    def _add_offsets(self, who: GroupMetadata, offsets: Mapping[PartitionKey, tuple[int, str]]) -> None:
        self._register(ApiKey.ADD_OFFSETS, who.group, RESEND_WAIT_S)
        call = partial(self._broker.add_offsets, str(self._transactional_id), self._epoch, who, offsets)
        self._sender.send(ApiKey.TXN_OFFSETS, call, RESEND_WAIT_S)

    def commit_transaction(self, timeout: float = -1.0) -> None:
        """Again after a failure: the same answer as the first one would have been."""
        self._log.write_out()  # it flushes
        if self._ended is TransactionState.COMMITTED:
            self._finish()
            return
        if self._ending is None:
            self._in_transaction("commit")
            self._send_all()
        self._injector.before("end")
        self._end(TransactionState.COMMITTED)
        self._injector.after("end")
        self._injector.after("commit")
        self._finish()

    def abort_transaction(self, timeout: float = -1.0) -> None:
        self._log.write_out()  # it flushes
        self._raise_fatal()
        if self._ended is TransactionState.ABORTED:
            self._finish()
            return
        if not self._open:
            raise errors.wrong_state("no transaction is open")
        self._injector.before("abort")
        self.purge()
        self._end(TransactionState.ABORTED)
        self._injector.after("abort")
        self._finish()

    def _in_transaction(self, effect: str) -> None:
        """Before a step towards a commit. Raises KafkaException where there is nothing to be committed."""
        self._raise_fatal()
        if not self._open:
            raise errors.wrong_state("no transaction is open")
        if self._must_abort:
            raise errors.abortable(KafkaError._STATE, "must be aborted")
        try:
            self._injector.before(effect)
        except KafkaException as failure:
            self._must_abort = failure.args[0].txn_requires_abort()
            raise

    def _send_all(self) -> None:
        while self._waiting:
            self._send_some()
        self._raise_fatal()
        if self._must_abort:
            raise errors.abortable(KafkaError._STATE, "a record could not be delivered")

    def _end(self, state: TransactionState) -> None:
        self._raise_fatal()
        if self._registered:
            self._ask_for(state)
        else:
            self._log.nothing_to_end(state)
        self._ended = state

    def _ask_for(self, state: TransactionState) -> None:
        self._ending = state
        call = partial(self._broker.end, str(self._transactional_id), self._epoch, state)
        try:
            self._sender.end(state, call, lambda: self.chance.choice(TIMEOUTS_BEFORE_RESEND))
        except KafkaException as failure:
            if failure.args[0].retriable():
                raise
            self._fatal = failure if failure.args[0].fatal() else errors.dead(failure)
            raise self._fatal from failure

    def _finish(self) -> None:
        self._open = self._must_abort = False

    def _raise_abortable(self, failure: KafkaException) -> None:
        if failure.args[0].code() == KafkaError.INVALID_TXN_STATE:
            failure = errors.dead(failure)
        if failure.args[0].fatal():
            self._fatal = failure
            raise failure
        self._must_abort = True
        raise errors.abortable(failure.args[0].code(), failure.args[0].str()) from failure

    def _raise_fatal(self) -> None:
        if self._fatal is not None:
            raise self._fatal


def _failure_of(step: Callable[[], None]) -> KafkaException | None:
    try:
        step()
    except KafkaException as failure:
        return failure
    return None
