"""What tests of the transactional loop and of its policy share."""

from confluent_kafka import KafkaError

from tidewheel.runtime.transaction_policy import TransactionPolicy


def policy() -> TransactionPolicy:
    return TransactionPolicy(interval_s=0.25, records_max=1000, retry_limit_s=60.0)


def error(code: int, *, fatal: bool = False, retriable: bool = False, abort: bool = False) -> KafkaError:
    return KafkaError(code, "words", fatal, retriable, abort)
