"""What the transactional loop does to keep a client alive, on a real broker."""

import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import pytest
from confluent_kafka import KafkaException, Message

from tests.waiting import LIMIT_S
from tidewheel.contracts.topics import ORDERS, TICKS, TRANSACTIONS
from tidewheel.runtime.kafka import KAFKA, PartitionId, close_consumer, read_to_end
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.static_member import StaticMember
from tidewheel.runtime.transaction_policy import TransactionPolicy
from tidewheel.runtime.transactional_loop import OffsetAndMetadata, TransactionalLoop
from tidewheel.runtime.transactional_producer import TransactionalProducer, transactional_client


class Nothing:
    """A work that has no state and sends nothing of its own."""

    def on_assigned(
        self, partitions: Collection[int], committed: Mapping[PartitionId, OffsetAndMetadata]
    ) -> Mapping[PartitionId, int]:
        return {(topic, number): 0 for topic in (TICKS.name, ORDERS.name) for number in partitions}

    def on_revoked(self) -> None: ...

    def process(self, messages: Sequence[Message]) -> None: ...

    def checkpoint(self) -> Mapping[PartitionId, OffsetAndMetadata]:
        return {}

    def on_committed(self) -> None: ...

    def paused(self) -> Collection[PartitionId]:
        return ()


def producer(broker: str, name: str) -> TransactionalProducer:
    return TransactionalProducer(partial(transactional_client, broker, "labeler", name, KAFKA))


def made(broker: str, name: str) -> tuple[TransactionalLoop, TransactionalProducer]:
    own = producer(broker, name)
    loop = TransactionalLoop(
        StaticMember(broker, "labeler", "test", name),
        own,
        [TICKS.name, ORDERS.name],
        Nothing(),
        TransactionPolicy(interval_s=0.0, records_max=1),
        service="labeler",
        log=logging.getLogger("labeler"),
    )
    return loop, own


def assigned(loop: TransactionalLoop) -> None:
    """A member of its group by now."""
    while not loop.assigned:
        loop.run_once()


def test_an_end_in_peace_is_certain_and_one_of_nothing_is_not(broker: str) -> None:
    """Each says so in the log of the client as it is locked: without it every commit would cost a new producer."""
    own = producer(broker, "certain")
    own.renew(LIMIT_S)
    for _ in range(3):
        own.begin()
        own.produce(TRANSACTIONS.name, b"kept", b"key", 0)
        own.commit(LIMIT_S)
        assert own.uncertainty is None
    own.begin()
    own.commit(LIMIT_S)
    assert own.uncertainty is not None, "none was sent"


def test_a_transaction_that_is_given_up_at_any_moment_is_no_end(broker: str) -> None:
    """The coordinator is still ending the old transaction, so that the new one's partition is not yet registered."""
    loop, own = made(broker, "given-up")
    loop.start()
    for wait_ms in range(10):
        own.begin()
        own.produce(TRANSACTIONS.name, b"kept", b"key", 0)
        own.commit(LIMIT_S)
        own.begin()
        own.produce(TRANSACTIONS.name, b"taken back", b"key", 0)
        own.wait(wait_ms / 1000)
        own.renew(LIMIT_S)
    loop.close()
    assert [message.value() for message in read_to_end(broker, TRANSACTIONS.name, {0: 0})] == [b"kept"] * 10


def test_one_whose_producer_was_fenced_though_its_name_is_its_own_goes_on(broker: str) -> None:
    """As after a transaction that the coordinator timed out, or an initialisation that came late."""
    loop, own = made(broker, "fenced")
    loop.start()
    assigned(loop)
    producer(broker, "fenced").renew(LIMIT_S)
    loop._begin()
    own.produce(TRANSACTIONS.name, b"refused", b"key", 0)
    assert not loop._commit()
    loop._begin()
    own.produce(TRANSACTIONS.name, b"kept", b"key", 0)
    assert loop._commit()
    loop.close()
    assert [message.value() for message in read_to_end(broker, TRANSACTIONS.name, {0: 0})] == [b"kept"]


def test_one_that_hears_of_its_successor_when_it_writes_says_so(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stood still between two transactions, and what it is told of its next record is "fatal error", no more."""
    loop, own = made(broker, "replaced")
    loop.start()
    assigned(loop)
    successor, _ = made(broker, "replaced")
    successor.start()
    assigned(successor)
    monkeypatch.setattr(loop, "start", lambda: None)
    pause, heard = threading.Event(), list[str]()

    def run_once() -> None:
        loop._begin()
        try:
            own.produce(TRANSACTIONS.name, b"too late", b"key", 0)
        except KafkaException as failure:
            heard.append(failure.args[0].str())
            loop._abort_and_retry(failure)
        pause.wait(0.01)

    monkeypatch.setattr(loop, "run_once", run_once)
    with pytest.raises(FatalError, match="another labeler with the same name has taken over"):
        loop.run(threading.Event())
    close_consumer(loop._consumer)
    successor.close()
    assert "Unable to produce" in heard[-1], "else it is not what this is about"
    assert list(read_to_end(broker, TRANSACTIONS.name, {0: 0})) == []
