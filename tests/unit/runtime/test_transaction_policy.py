"""When a transaction is due, which failures may pass, and when trying again has an end."""

from collections.abc import Iterable

import pytest
from confluent_kafka import KafkaError

from tests.unit.runtime.values import error, policy
from tidewheel.runtime.transaction_policy import TransactionLeftOpenError, TransactionPolicy, is_fenced


def test_nothing_is_due_without_records() -> None:
    assert not policy().should_commit(1e9)


def test_a_transaction_is_due_an_interval_after_its_first_record() -> None:
    one = policy()
    one.on_processed(1, now_s=5.0)
    one.on_processed(1, now_s=5.125)
    assert not one.should_commit(5.2)
    assert one.should_commit(5.25)


def test_a_transaction_is_due_when_it_is_full() -> None:
    one = policy()
    one.on_processed(999, now_s=5.0)
    assert not one.should_commit(5.0)
    one.on_processed(1, now_s=5.0)
    assert one.should_commit(5.0)


def test_an_ended_transaction_leaves_nothing_due() -> None:
    one = policy()
    one.on_processed(5000, now_s=5.0)
    one.on_committed()
    assert not one.should_commit(9.0)
    one.on_processed(1, now_s=9.0)
    assert not one.should_commit(9.125)


@pytest.mark.parametrize(
    "failure",
    [
        error(KafkaError._TRANSPORT, retriable=True),
        error(KafkaError._TIMED_OUT),
        error(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, retriable=True),
    ],
)
def test_a_step_that_may_yet_succeed_is_tried_again(failure: KafkaError) -> None:
    assert policy().is_retriable(failure)


@pytest.mark.parametrize(
    "failure",
    [
        error(KafkaError.ILLEGAL_GENERATION, abort=True),
        error(KafkaError._TIMED_OUT, abort=True, retriable=True),
        error(KafkaError._STATE),
        error(KafkaError._FENCED, fatal=True, abort=True),
        error(KafkaError._STATE, fatal=True),
        error(KafkaError.TOPIC_AUTHORIZATION_FAILED),
    ],
)
def test_any_other_failure_ends_the_transaction(failure: KafkaError) -> None:
    assert not policy().is_retriable(failure)


@pytest.mark.parametrize("code", [KafkaError._TIMED_OUT_QUEUE, KafkaError._TRANSPORT, KafkaError.NOT_COORDINATOR])
def test_a_broker_that_is_away_may_be_asked_again_also_where_the_client_does_not_say_so(code: int) -> None:
    """A labeler whose offsets timed out in the queue of a broker that was restarted ended its process."""
    assert policy().is_retriable(error(code))


def test_what_is_waited_for_is_left_when_asked_to_stop() -> None:
    policy().check_deadline(59.0, stopping=False)
    policy().check_deadline(2.0, stopping=True)
    with pytest.raises(TransactionLeftOpenError, match="has not answered for 3 s"):
        policy().check_deadline(3.0, stopping=True)


def waits(one: TransactionPolicy, times_s: Iterable[float]) -> list[float | None]:
    return [one.backoff_s(now_s) for now_s in times_s]


def test_work_that_fails_anew_each_time_is_done_again_with_longer_waits_and_not_for_ever() -> None:
    waited = waits(policy(), range(100, 170))
    assert waited[:3] == [0.0, 0.1, 0.2], "the first failure, which a rebalance may be, costs nothing"
    assert waited[10:60] == [1.0] * 50
    assert waited[60:] == [None] * 10


def test_a_few_failures_far_apart_are_no_lasting_reason() -> None:
    assert None not in waits(policy(), [0.0] + [1000.0 * at for at in range(1, 10)])


def test_a_commit_ends_a_row_of_failures() -> None:
    one = policy()
    for start_s in range(0, 300, 60):
        assert None not in waits(one, range(start_s, start_s + 59))
        one.on_committed()


def test_being_replaced_is_told_by_code_or_by_words() -> None:
    assert is_fenced(KafkaError(KafkaError.FENCED_INSTANCE_ID))
    assert is_fenced(KafkaError(KafkaError._FATAL, "Fatal error: Broker: Static consumer fenced by other consumer"))
    assert not is_fenced(KafkaError(KafkaError._FATAL, "Fatal error: something else"))
    assert not is_fenced(KafkaError(KafkaError._TRANSPORT, "not fenced"))
