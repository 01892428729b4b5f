"""When a Kafka transaction is due, and what to do when a step of it fails. Pure: told of records, time and errors."""

from dataclasses import dataclass
from enum import Enum

from confluent_kafka import KafkaError

FENCED = frozenset(
    (KafkaError._FENCED, KafkaError.FENCED_INSTANCE_ID, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
)


class Answer(Enum):
    """What to do after a step of a transaction failed."""

    RETRY = "retry"  # the same step again
    ABORT = "abort"  # the transaction, and go back to the committed point
    RAISE = "raise"  # end the process; a new one starts clean


def fenced(failure: KafkaError) -> bool:
    """Whether another process has taken our place. A consumer's fatal error has its cause in words only."""
    return failure.code() in FENCED or (failure.code() == KafkaError._FATAL and "fenced" in failure.str().lower())


@dataclass(slots=True)
class Policy:
    """Commits by time and by count; tries again what may yet succeed, for about as long as a transaction may last."""

    interval_s: float
    records_max: int
    retry_limit_s: float = 30.0
    _records: int = 0
    _since_s: float = 0.0

    def took(self, records: int, now_s: float) -> None:
        """Records were processed; the first ones begin a transaction."""
        if not self._records:
            self._since_s = now_s
        self._records += records

    def due(self, now_s: float) -> bool:
        """Whether to commit now: only what holds records is ever due."""
        full = self._records >= self.records_max
        return full or (self._records > 0 and now_s - self._since_s >= self.interval_s)

    def ended(self) -> None:
        """The transaction was committed or aborted."""
        self._records = 0

    def answer(self, failure: KafkaError, tried_for_s: float) -> Answer:
        """`tried_for_s`: how long this step has been tried."""
        if failure.fatal():
            return Answer.RAISE
        # A record that could not be delivered leaves a transaction that takes no more and can only be aborted.
        if failure.txn_requires_abort() or failure.code() == KafkaError._STATE:
            return Answer.ABORT
        if failure.retriable() or failure.code() == KafkaError._TIMED_OUT:
            return Answer.RETRY if tried_for_s < self.retry_limit_s else Answer.RAISE
        return Answer.RAISE
