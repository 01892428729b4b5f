"""When a Kafka transaction is due, and what to do when a step of it fails. Pure: records, times, errors."""

from dataclasses import dataclass

from confluent_kafka import KafkaError

from tidewheel.domain.errors import TidewheelError

FENCED = frozenset(
    (KafkaError._FENCED, KafkaError.FENCED_INSTANCE_ID, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
)

# A coordinator that is away, or that nobody had asked for before.
NO_COORDINATOR = frozenset(
    (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
)

# A broker or a coordinator that is away for now. Not all of these say that they may be tried again: a consumer's call
# for its offsets, and an admin client's, do not.
UNAVAILABLE = NO_COORDINATOR | frozenset(
    (
        *(KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN),
        *(KafkaError._RESOLVE, KafkaError._WAIT_COORD, KafkaError.REQUEST_TIMED_OUT),
    )
)

# An aborted transaction is retried, each time after a longer back-off. Fewer retries are no sign of a lasting
# reason, however long they took: a process may stand still between two.
RETRIES_MIN = 10
BACKOFF_S = 0.1
BACKOFF_MAX_S = 1.0


class TransactionLeftOpenError(TidewheelError):
    """Asked to stop while Kafka does not answer: the broker aborts the transaction in time, or our next start does."""


def is_fenced(failure: KafkaError) -> bool:
    """Whether another process has taken our place. A consumer's fatal error has its cause in words only."""
    return failure.code() in FENCED or (failure.code() == KafkaError._FATAL and "fenced" in failure.str().lower())


@dataclass(slots=True)
class TransactionPolicy:
    """Commits by time and by count; tries again what may yet succeed, for about as long as a transaction may last."""

    interval_s: float
    records_max: int
    # Offsets of an open transaction are waited for until the coordinator ends it: 30 s old, and it looks each 10 s.
    retry_limit_s: float = 60.0
    stopping_limit_s: float = 2.0
    _records: int = 0
    _since_s: float = 0.0
    _failures: int = 0
    _failing_since_s: float = 0.0

    def on_processed(self, records: int, now_s: float) -> None:
        """Records were processed; the first ones begin a transaction."""
        if not self._records:
            self._since_s = now_s
        self._records += records

    def should_commit(self, now_s: float) -> bool:
        """Whether to commit now: only what holds records is ever due."""
        full = self._records >= self.records_max
        return full or (self._records > 0 and now_s - self._since_s >= self.interval_s)

    def on_committed(self) -> None:
        """The transaction was committed."""
        self._records = self._failures = 0

    def on_aborted(self) -> None:
        """The transaction was aborted."""
        self._records = 0

    def backoff_s(self, now_s: float) -> float | None:
        """How long to wait before the transaction is retried; None: no more, it fails for a lasting reason.

        Called for every transaction that is aborted. What fails anew each time would else be tried without a pause, for
        ever, in a process that looks well.
        """
        if not self._failures:
            self._failing_since_s = now_s
        self._failures += 1
        if self._failures > RETRIES_MIN and now_s - self._failing_since_s >= self.retry_limit_s:
            return None
        return min(BACKOFF_MAX_S, BACKOFF_S * (self._failures - 1))

    def is_retriable(self, failure: KafkaError) -> bool:
        """Whether the same step may yet succeed; else its transaction is aborted."""
        # A record that could not be delivered leaves a transaction that takes no more.
        if failure.fatal() or failure.txn_requires_abort() or failure.code() == KafkaError._STATE:
            return False
        return failure.retriable() or failure.code() in UNAVAILABLE

    def check_deadline(self, waited_s: float, stopping: bool) -> None:
        """Raises TransactionLeftOpenError where a step takes too long for a process that is asked to stop."""
        if stopping and waited_s > self.stopping_limit_s:
            raise TransactionLeftOpenError(f"Kafka has not answered for {waited_s:.0f} s")
