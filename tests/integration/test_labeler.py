"""The labeler on a real broker: not one label lost, doubled or changed, whatever happens to it."""

import os
import sys
import threading
from functools import partial
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from services.labeler import partition
from tests.labelers import Inputs, assert_undisturbed, publish, running
from tests.service_under_test import written
from tests.waiting import LIMIT_S, eventually
from tidewheel.contracts.codecs.market import decode_dead_letter
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.contracts.topics import DEAD_LETTERS, LABELER_GROUP, LABELER_STATE, ORDERS, TICKS, TRANSACTIONS
from tidewheel.local.processes import subprocesses
from tidewheel.runtime.kafka import KAFKA, flush, producer_config
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.static_member import StaticMember
from tidewheel.runtime.transactional_producer import TransactionalProducer, transactional_client

pytestmark = pytest.mark.broker

BOTH = [Inputs.of("sim:BTC-USD", 0, seed=3), Inputs.of("sim:ETH-USD", 1, seed=4)]


def test_the_inputs_are_worth_the_test() -> None:
    for one in BOTH:
        assert len(one.transactions) > 500
        assert len(one.examples) > 100


def test_labels_are_written_in_order_and_it_becomes_ready(broker: str) -> None:
    publish(broker, BOTH)
    with running(broker) as start:
        labeler = start()
        assert not labeler.health.readiness()[0]
        labeler.step_until_written(BOTH)
        assert labeler.health.readiness() == (True, "ready")
        labeler.loop.close()
    assert_undisturbed(broker, BOTH)


@pytest.mark.parametrize("seed", [0])  # the simulation tries thousands
def test_killed_again_and_again_it_writes_what_an_undisturbed_one_writes(
    broker: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition, "SNAPSHOT_RECORDS_MIN", 300)
    chance = Random(seed)
    publish(broker, BOTH)
    with running(broker, batch=100, commit_interval_ms=chance.choice((1, 20))) as start:
        for _ in range(6):
            labeler = start()
            steps = chance.randint(1, 12)
            labeler.step_until(lambda labeler=labeler, steps=steps: labeler.loop.assigned and labeler.steps >= steps)
        start().step_until_written(BOTH)
    assert_undisturbed(broker, BOTH)


def test_a_process_that_is_killed_outright_loses_nothing(broker: str, tmp_path: Path) -> None:
    environment = {**os.environ, "TIDEWHEEL_KAFKA": broker, "TIDEWHEEL_METRICS_PORT": "0"}
    command = [sys.executable, "-m", "services.labeler"]

    def labels() -> int:
        return sum(len(written(broker, TRANSACTIONS.name, one.partition)) for one in BOTH)

    for first, stop in ((0, 500), (500, 700), (700, None)):
        before, process = labels(), subprocesses.start(command, tmp_path / "labeler.log", environment)
        try:
            publish(broker, BOTH, start=first, stop=stop)
            eventually(lambda before=before: labels() > before, "new labels are written")
            if stop is None:
                total = sum(len(one.transactions) for one in BOTH)
                eventually(lambda total=total: labels() == total, "all labels are written")
        finally:
            subprocesses.kill_group(process)
            process.wait()
    assert_undisturbed(broker, BOTH)


def test_a_failed_transaction_takes_state_and_inputs_back(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(broker, BOTH)
    with running(broker) as start:
        labeler = start()
        produce, calls = TransactionalProducer.produce, 0

        def failing(producer: TransactionalProducer, *record: object) -> None:
            nonlocal calls
            calls += 1
            if calls in (50, 900, 901, 2000):
                raise KafkaException(KafkaError(KafkaError._STATE))
            produce(producer, *record)  # type: ignore[arg-type]

        monkeypatch.setattr(TransactionalProducer, "produce", failing)
        labeler.step_until_written(BOTH)
        assert calls > 2000
    assert_undisturbed(broker, BOTH)


def test_one_that_was_replaced_writes_nothing_more(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(broker, BOTH, stop=400)
    with running(broker) as start:
        old = start()
        old.step_until(lambda: old.loop.assigned and old.written_second(BOTH[0]) > 0)
        new = start()
        new.step_until(lambda: new.loop.assigned)
        publish(broker, BOTH, start=400)
        monkeypatch.setattr(old.loop, "start", lambda: None)
        with pytest.raises(FatalError, match="another labeler with the same name has taken over"):
            old.loop.run(threading.Event())
        new.step_until_written(BOTH)
    assert_undisturbed(broker, BOTH)


def test_one_that_lost_its_name_in_the_group_alone_says_so(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that stood still beyond its session takes it back, though it may write no more."""
    publish(broker, BOTH, stop=400)
    with running(broker, commit_interval_ms=10_000) as start:
        old = start()
        old.step_until(lambda: old.loop.in_transaction)
        rival = StaticMember(broker, "test", LABELER_GROUP, "tidewheel-labeler-0").consumer()
        rival.subscribe([TICKS.name, ORDERS.name])
        eventually(lambda: rival.poll(0.1) is not None, "the rival reads")
        monkeypatch.setattr(old.loop, "start", lambda: None)
        monkeypatch.setattr(old.loop, "run_once", lambda: old.loop._commit() or old.loop._rewind())
        with pytest.raises(FatalError, match="another labeler with the same name has taken over"):
            old.loop.run(threading.Event())
        rival.close()
        assert written(broker, TRANSACTIONS.name, 0) == written(broker, LABELER_STATE.name, 0) == []


def test_two_share_the_work_and_one_takes_over(broker: str) -> None:
    publish(broker, BOTH, stop=500)
    with running(broker) as start:
        first, second = start(instance="0"), start(instance="1")

        def shared() -> bool:
            second.loop.run_once()
            return len(first.loop.partitions) == len(second.loop.partitions) == 1

        first.step_until(shared)
        mine = next(one for one in BOTH if one.partition in first.loop.partitions)
        theirs = next(one for one in BOTH if one is not mine)
        assert theirs.partition in second.loop.partitions
        first.step_until(lambda: first.written_second(mine) == mine.seconds[499].second)
        second.step_until(lambda: second.written_second(theirs) == theirs.seconds[499].second)
        publish(broker, BOTH, start=500)
        first.loop.close()
        second.step_until_written(BOTH)
    assert_undisturbed(broker, BOTH)


def test_recovery_reads_from_the_snapshot_on(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "SNAPSHOT_RECORDS_MIN", 100)
    publish(broker, BOTH)
    with running(broker) as start:
        start().step_until_written(BOTH)
        labeler = start()
        labeler.step_until(lambda: labeler.loop.assigned)
        for one in BOTH:
            start_offsets = labeler.processor.partitions[one.partition].start_offsets
            assert all(len(one.seconds) - 400 < (offset or 0) <= len(one.seconds) for offset in start_offsets.values())
        labeler.step_until(lambda: labeler.processor.restored)
    assert_undisturbed(broker, BOTH)


def test_other_settings_than_those_of_the_labels_are_refused_in_words(broker: str) -> None:
    publish(broker, BOTH)
    with running(broker) as start:
        start().step_until_written(BOTH)
        other = start(exit_on="mid")
        with pytest.raises(FatalError, match="labelled with exit_on=bid max_holding=none, now it is exit_on=mid"):
            other.step_until(lambda: other.loop.assigned)


def test_labels_that_cannot_be_made_again_are_a_crash(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = BOTH[0]
    publish(broker, [one], stop=-1)  # the last second ends the session, and would be a snapshot
    with running(broker) as start:
        first = start()
        first.step_until(lambda: first.written_second(one) == one.seconds[-2].second)
        # The snapshot is of the first commit; what has a past long enough for an example means something else now.
        monkeypatch.setattr("services.labeler.session.HISTORY_S", 300)
        labeler = start()
        with pytest.raises(FatalError, match="labels made again"):
            labeler.step_until(lambda: labeler.loop.assigned and labeler.processor.restored)


def test_a_bad_record_is_one_dead_letter_however_often_it_is_read(broker: str) -> None:
    producer = Producer(producer_config(broker, "test"))
    publish(broker, BOTH, stop=100)
    producer.produce(TICKS.name, b"\xff no market second", b"k", 0)
    producer.produce(ORDERS.name, b"", b"k", 1)
    flush(producer)
    publish(broker, BOTH, start=100)
    with running(broker) as start:
        start().step_until_written(BOTH)
        again = start()
        again.step_until(lambda: again.loop.assigned and again.processor.restored)
        for _ in range(5):
            again.loop.run_once()
    letters = [decode_dead_letter(value) for value in written(broker, DEAD_LETTERS.name, 0)]
    assert sorted((one.service, one.source, one.partition, one.offset, one.reason) for one in letters) == [
        ("labeler", ORDERS.name, 1, 100, DeadLetterReason.UNKNOWN_INSTRUMENT),
        ("labeler", TICKS.name, 0, 100, DeadLetterReason.UNDECODABLE),
    ]
    assert_undisturbed(broker, BOTH)


def test_a_topic_that_turns_to_garbage_is_not_drained(broker: str) -> None:
    producer = Producer(producer_config(broker, "test"))
    publish(broker, BOTH)
    with running(broker) as start:
        labeler = start()
        labeler.step_until_written(BOTH)
        for _ in range(1500):  # fewer than the good ones before: their share says nothing
            producer.produce(TICKS.name, b"\xff garbage", b"k", 0)
        flush(producer)
        with pytest.raises(FatalError, match="1001 bad records in a row"):
            labeler.step_until(lambda: False)
    assert len(written(broker, DEAD_LETTERS.name, 0)) < 1001
    assert_undisturbed(broker, BOTH)


def test_nothing_of_a_transaction_that_is_given_up_is_seen(broker: str) -> None:
    publish(broker, BOTH)
    with running(broker, commit_interval_ms=10_000) as start:
        labeler = start()
        labeler.step_until(lambda: labeler.loop.in_transaction and labeler.steps > 20)
        client = partial(transactional_client, broker, "labeler", "tidewheel-labeler-0", KAFKA)
        TransactionalProducer(client).renew(LIMIT_S)
        assert written(broker, TRANSACTIONS.name, 0) == written(broker, LABELER_STATE.name, 0) == []
