"""What watches a system, on a real broker: nothing joined, nothing committed, everything counted once."""

import logging
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tests.unit.local.values import NAME, whole_run
from tests.waiting import LIMIT_S
from tidewheel.contracts.codecs.labeler_state import LabelerFrontier, encode_frontier, frontier_key, snapshot_key
from tidewheel.contracts.codecs.orders import encode_orders, encode_transaction
from tidewheel.contracts.codecs.training import encode_run_event
from tidewheel.contracts.topics import LABELER_GROUP, LABELER_STATE, ORDERS, TICKS, TRAINING_RUNS, TRANSACTIONS
from tidewheel.domain.labeler_state import Frontier
from tidewheel.domain.orders import Outcome, SecondOrders, Transaction
from tidewheel.local.monitoring.collector import Collector
from tidewheel.local.monitoring.observed import ObservedSystem
from tidewheel.local.monitoring.progress import Progress, ProgressWatch
from tidewheel.runtime.kafka import consumer_config, producer_config

pytestmark = pytest.mark.broker

LOG = logging.getLogger("test")


@pytest.fixture
def watching(broker: str) -> Iterator[tuple[ObservedSystem, Callable[[], None]]]:
    """What a collector has seen, and a call that waits until it has seen all there is."""
    seen = ObservedSystem()
    collector = Collector(broker, seen, threading.Lock(), LOG)
    collector.assign()
    collector.background.start()

    def catch_up() -> None:
        collector.request_catch_up()
        assert collector.wait_caught_up(LIMIT_S)
        assert collector.background.failure is None

    yield seen, catch_up
    collector.close()


def transaction(order_id: int) -> bytes:
    return encode_transaction(Transaction(NAME, order_id, 1, 0, 102, 112, 92, 1, 1, 112, Outcome.PROFIT))


def test_everything_is_counted_and_what_was_aborted_is_not(
    broker: str, watching: tuple[ObservedSystem, Callable[[], None]]
) -> None:
    seen, catch_up = watching
    ids = np.arange(4, dtype=np.int64) + 7_000
    prices = [np.full(4, value, dtype=np.int64) for value in (100, 102, 112, 92)]
    orders = encode_orders(SecondOrders(NAME, 1, 7, ids, ids * 0 + 7 * 10**9, *prices))
    plain = Producer(producer_config(broker, "test"))
    for _ in range(2):
        plain.produce(ORDERS.name, orders, NAME)
    for event in whole_run(1):
        plain.produce(TRAINING_RUNS.name, encode_run_event(event), NAME)
    plain.produce(TICKS.name, b"\xff\xff", NAME)
    assert plain.flush(LIMIT_S) == 0

    exact = Producer({**producer_config(broker, "test"), "transactional.id": "test-run-watching"})
    exact.init_transactions(30)
    for end in (exact.commit_transaction, exact.abort_transaction, exact.commit_transaction):
        exact.begin_transaction()
        exact.produce(TRANSACTIONS.name, transaction(1), NAME)
        frontier = LabelerFrontier(NAME, Frontier(7, 3, 2), "x")
        exact.produce(LABELER_STATE.name, encode_frontier(frontier), frontier_key(NAME))
        exact.produce(LABELER_STATE.name, b"no frontier", snapshot_key(NAME, 0))
        end(30)

    catch_up()
    instrument = seen.instruments[NAME]
    assert (instrument.orders.placed, instrument.orders.resolved, instrument.orders.examples) == (4, 2, 3)
    assert instrument.runs.by_seq[1].published
    assert seen.undecodable == 1


def test_a_fresh_broker_is_caught_up_with_at_once(watching: tuple[ObservedSystem, Callable[[], None]]) -> None:
    seen, catch_up = watching
    catch_up()
    catch_up()
    assert seen.instruments == {}


def asked(watch: ProgressWatch) -> Progress:
    """An answer, once the topics that the test was given have leaders."""
    for _ in range(100):
        try:
            return watch.ask()
        except KafkaException as failure:
            if failure.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
    raise AssertionError("the topics got no leaders")


def test_progress_of_groups_that_do_not_exist_yet_and_of_one_that_does(broker: str) -> None:
    """The admin client's own call for this kills the process now and then, while a coordinator is being made."""
    watch = ProgressWatch(broker, LOG)
    try:
        assert asked(watch).lag(LABELER_GROUP) == 0
        producer = Producer(producer_config(broker, "test"))
        for _ in range(3):
            producer.produce(TICKS.name, b"x", partition=0)
        assert producer.flush(LIMIT_S) == 0
        assert asked(watch).lag(LABELER_GROUP) == 3
        reader = Consumer(consumer_config(broker, "test", LABELER_GROUP))
        reader.commit(offsets=[TopicPartition(TICKS.name, 0, 2)], asynchronous=False)
        reader.close()
        found = asked(watch)
        assert found.lag(LABELER_GROUP) == 1
        assert not found.all_read(LABELER_GROUP)
    finally:
        watch.close()
