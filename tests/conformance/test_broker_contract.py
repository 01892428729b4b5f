"""What Tidewheel relies on in a Kafka broker and its clients, as tests that run against any. The broker in memory earns
its place by passing what the real one passes; what it cannot do is expected to fail, strictly."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import pytest
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from tests.waiting import LIMIT_S, Deadline
from tidewheel.contracts.topics import LABELER_STATE, ORDERS, RECORD_BYTES_MAX, TICKS, TRANSACTIONS
from tidewheel.runtime.kafka import Clients, consumer_config, flush, producer_config, read_to_end
from tidewheel.runtime.static_member import StaticMember
from tidewheel.runtime.transaction_policy import is_fenced
from tidewheel.runtime.transactional_producer import transactional_client

TOPIC = TRANSACTIONS.name
SHORT_MS = 1_000
NUMBERS = count()


@dataclass(frozen=True)
class Bench:
    """A broker with the declared topics, empty, of two partitions each, and what makes clients of it. `patience_s`: how
    long something that comes by itself is waited for. `expire` is told of a transactional id that has been silent for
    too long, `compact` of a topic to be compacted, as soon as may be: one that has no clock does it then."""

    bootstrap: str
    clients: Clients
    patience_s: float
    expire: Callable[[str], None]
    compact: Callable[[str], None]

    def producer(self) -> Producer:
        return self.clients.producer(producer_config(self.bootstrap, "test"))

    def transactional(self, name: str) -> Producer:
        producer = transactional_client(self.bootstrap, "test", name, self.clients)
        producer.init_transactions(LIMIT_S)
        return producer

    def impatient(self, name: str) -> Producer:
        """A transactional producer whose transactions may not last."""
        more = {"transactional.id": name, "transaction.timeout.ms": SHORT_MS}
        producer = self.clients.producer(producer_config(self.bootstrap, "test", **more))
        producer.init_transactions(LIMIT_S)
        return producer

    def logged(self, name: str, log: "TransactionEndLog") -> Producer:
        """A transactional producer that writes librdkafka's lines about transactions into `log`."""
        more = {"transactional.id": name, "debug": "eos", "logger": log}
        producer = self.clients.producer(producer_config(self.bootstrap, "test", **more))
        producer.init_transactions(LIMIT_S)
        return producer

    def consumer(self, group: str) -> Consumer:
        return self.clients.consumer(consumer_config(self.bootstrap, "test", group))

    def member(self, group: str, name: str) -> Consumer:
        """A static member that reads `ticks` and `orders`."""
        return joined(self.static(group, name))

    def static(self, group: str, name: str) -> StaticMember:
        return StaticMember(self.bootstrap, "test", group, name, self.clients)

    def read(self, partition: int = 0, topic: str = TOPIC) -> list[tuple[int, bytes | None]]:
        """Offsets and values of committed records."""
        messages = read_to_end(self.bootstrap, topic, {partition: 0}, clients=self.clients)
        return [(message.offset() or 0, message.value()) for message in messages]

    def until(self, true: Callable[[], bool]) -> bool:
        deadline = Deadline(self.patience_s)
        while not (reached := true()) and not deadline.passed:
            pass
        return reached


class TransactionEndLog:
    """A client's `logger` that keeps what is said of each request to end a transaction."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def log(self, level: int, words: str, *args: str) -> None:
        facility, _, text = args
        if facility == "ENDTXN":
            self.ends.append(text.partition("]: ")[2])


def unique(word: str) -> str:
    """Groups and transactional ids outlive topics on a real broker."""
    return f"{word}-{time.monotonic_ns()}-{next(NUMBERS)}"


def send(producer: Producer, *values: bytes, partition: int = 0) -> None:
    for value in values:
        producer.produce(TOPIC, value, b"key", partition)
    flush(producer)


def joined(member: StaticMember) -> Consumer:
    consumer = member.consumer()
    consumer.subscribe([TICKS.name, ORDERS.name])
    return consumer


def keep(producer: Producer, *values: bytes) -> None:
    """On a compacted topic, by the first letter."""
    for value in values:
        producer.produce(LABELER_STATE.name, value, value[:1], 0)
    flush(producer)


def numbers(consumer: Consumer) -> dict[str, list[int]]:
    """Partitions assigned, by topic."""
    found: dict[str, list[int]] = {}
    for place in consumer.assignment():
        found.setdefault(place.topic, []).append(place.partition)
    return {topic: sorted(partitions) for topic, partitions in found.items()}


def polled(consumer: Consumer) -> list[Message]:
    return consumer.consume(10, 0.1)


def refused(producer: Producer, who: object) -> None:
    """Offsets in the name of a member that is one no more: the transaction has to be aborted."""
    producer.begin_transaction()
    with pytest.raises(KafkaException) as caught:
        producer.send_offsets_to_transaction([TopicPartition(TICKS.name, 0, 1)], who, LIMIT_S)
    assert caught.value.args[0].txn_requires_abort()


class BrokerContract:
    """A subclass brings the fixture `bench`."""

    @pytest.fixture
    def names(self) -> str:
        return unique("contract")

    def test_a_key_goes_where_murmur2_says(self, bench: Bench) -> None:
        keys = [f"replay:{number}".encode() for number in range(12)]
        producer = bench.producer()
        for key in keys:
            producer.produce(TOPIC, key, key)
        flush(producer)
        for partition in (0, 1):
            wanted = [key for key in keys if (murmur2(key) & 0x7FFFFFFF) % 2 == partition]
            assert [value for _, value in bench.read(partition)] == wanted

    def test_offsets_count_records_in_the_order_they_were_sent(self, bench: Bench) -> None:
        send(bench.producer(), b"a", b"b", b"c")
        assert bench.read() == [(0, b"a"), (1, b"b"), (2, b"c")]

    def test_what_is_aborted_is_not_seen_and_markers_take_offsets(self, bench: Bench, names: str) -> None:
        producer = bench.transactional(names)
        for value, ends in ((b"kept", True), (b"taken back", False), (b"kept too", True)):
            producer.begin_transaction()
            send(producer, value)
            (producer.commit_transaction if ends else producer.abort_transaction)(LIMIT_S)
        assert bench.read() == [(0, b"kept"), (4, b"kept too")]

    def test_nothing_behind_an_open_transaction_is_read(self, bench: Bench, names: str) -> None:
        producer, reader = bench.transactional(names), bench.consumer(names)
        producer.begin_transaction()
        send(producer, b"first")
        send(bench.producer(), b"second")
        reader.assign([TopicPartition(TOPIC, 0, 0)])
        assert polled(reader) == []
        assert reader.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=LIMIT_S) == (0, 0)
        producer.commit_transaction(LIMIT_S)
        seen: list[bytes | None] = []
        bench.until(lambda: seen.extend(m.value() for m in polled(reader)) or len(seen) == 2)
        assert seen == [b"first", b"second"]
        reader.close()

    def test_the_later_producer_of_an_id_fences_the_earlier(self, bench: Bench, names: str) -> None:
        old = bench.transactional(names)
        old.begin_transaction()
        send(old, b"old")
        new = bench.transactional(names)
        with pytest.raises(KafkaException) as caught:
            old.commit_transaction(LIMIT_S)
        assert is_fenced(caught.value.args[0])
        assert caught.value.args[0].fatal()
        new.begin_transaction()
        send(new, b"new")
        new.commit_transaction(LIMIT_S)
        assert [value for _, value in bench.read()] == [b"new"]

    # An end that comes late, when its client has sent another and begun anew, cannot be made with clients alone: the
    # simulation judges it by this contract, tests with a proxy before a real broker show it.

    def test_offsets_of_a_replaced_producer_are_not_committed(self, bench: Bench, names: str) -> None:
        old, member, place = bench.transactional(names), bench.consumer(names), TopicPartition(TICKS.name, 0)
        for offset in (5, 7):
            old.begin_transaction()
            send(old, b"%d" % offset)
            offsets = [TopicPartition(TICKS.name, 0, offset)]
            old.send_offsets_to_transaction(offsets, member.consumer_group_metadata(), LIMIT_S)
            if offset == 5:
                old.commit_transaction(LIMIT_S)
        bench.transactional(names)
        with pytest.raises(KafkaException) as caught:
            old.commit_transaction(LIMIT_S)
        assert is_fenced(caught.value.args[0])
        found: list[TopicPartition] = []
        assert bench.until(lambda: _stable(member, place, found))
        assert found[0].offset == 5
        assert [value for _, value in bench.read()] == [b"5"]
        member.close()

    def test_a_new_producer_of_an_id_finds_what_was_committed_stable(self, bench: Bench, names: str) -> None:
        """At once: whoever begins anew after an end of which he is not sure goes on from there."""
        member, place = bench.consumer(names), TopicPartition(TICKS.name, 0)
        for offset in range(1, 4):
            producer = bench.transactional(names)
            found: list[TopicPartition] = []
            assert _stable(member, place, found)
            assert found[0].offset == (offset - 1 or -1001)
            producer.begin_transaction()
            send(producer, b"%d" % offset)
            offsets = [TopicPartition(TICKS.name, 0, offset)]
            producer.send_offsets_to_transaction(offsets, member.consumer_group_metadata(), LIMIT_S)
            producer.commit_transaction(LIMIT_S)
        assert [value for _, value in bench.read()] == [b"1", b"2", b"3"]
        member.close()

    def test_the_log_tells_of_each_end_once(self, bench: Bench, names: str) -> None:
        log = TransactionEndLog()
        producer = bench.logged(names, log)
        for state, end in (
            ("CommittingTransaction", producer.commit_transaction),
            ("AbortingTransaction", producer.abort_transaction),
        ):
            producer.begin_transaction()
            send(producer, b"value")
            end(LIMIT_S)
            producer.poll(0)
            assert log.ends == [f"EndTxn returned NO_ERROR in state {state} (may_retry=true)"]
            log.ends.clear()

    def test_what_holds_nothing_is_ended_without_a_request(self, bench: Bench, names: str) -> None:
        log = TransactionEndLog()
        producer = bench.logged(names, log)
        for end in (producer.commit_transaction, producer.abort_transaction):
            producer.begin_transaction()
            end(LIMIT_S)
            producer.poll(0)
        assert log.ends == []

    def test_a_transaction_open_for_too_long_is_aborted_and_its_producer_fenced(self, bench: Bench, names: str) -> None:
        producer = bench.impatient(names)
        producer.begin_transaction()
        send(producer, b"never ended")
        send(bench.producer(), b"behind")
        bench.expire(names)
        assert bench.read() == [(1, b"behind")]  # which waits for the end of what is open
        with pytest.raises(KafkaException) as caught:
            producer.commit_transaction(LIMIT_S)
        assert is_fenced(caught.value.args[0])
        assert caught.value.args[0].fatal()
        assert bench.read() == [(1, b"behind")]

    def test_compaction_keeps_the_newest_record_of_each_key_where_it_stands(self, bench: Bench) -> None:
        topic, producer = LABELER_STATE.name, bench.producer()
        keep(producer, b"a1", b"b1", b"a2", b"c1", b"a3", b"c2")
        before = bench.read(topic=topic)
        bench.compact(topic)

        def compacted() -> bool:
            keep(producer, b"d1")  # a broker may leave the newest records alone
            return bench.read(topic=topic)[0] != before[0]

        assert bench.until(compacted)
        assert bench.read(topic=topic)[:3] == [(1, b"b1"), (4, b"a3"), (5, b"c2")]

    def test_a_transaction_without_begin_is_refused(self, bench: Bench, names: str) -> None:
        producer = bench.transactional(names)
        with pytest.raises(KafkaException) as caught:
            producer.produce(TOPIC, b"value", b"key", 0)
        assert caught.value.args[0].code() == KafkaError._STATE

    def test_offsets_become_the_groups_with_the_transaction(self, bench: Bench, names: str) -> None:
        producer, member = bench.transactional(names), bench.consumer(names)
        place = TopicPartition(TICKS.name, 0)
        for offset, ends in ((5, False), (7, True)):
            producer.begin_transaction()
            offsets = [TopicPartition(TICKS.name, 0, offset, metadata="a note")]
            producer.send_offsets_to_transaction(offsets, member.consumer_group_metadata(), LIMIT_S)
            (producer.commit_transaction if ends else producer.abort_transaction)(LIMIT_S)
            found: list[TopicPartition] = []
            assert bench.until(lambda found=found: _stable(member, place, found))
            assert (found[0].offset, found[0].metadata or "") == ((7, "a note") if ends else (-1001, ""))
        member.close()

    def test_offsets_of_an_open_transaction_are_not_stable(self, bench: Bench, names: str) -> None:
        producer, member = bench.transactional(names), bench.consumer(names)
        producer.begin_transaction()
        offsets = [TopicPartition(TICKS.name, 0, 7)]
        producer.send_offsets_to_transaction(offsets, member.consumer_group_metadata(), LIMIT_S)
        with pytest.raises(KafkaException) as caught:
            member.committed([TopicPartition(TICKS.name, 0)], timeout=0.5)
        failure = caught.value.args[0]
        assert failure.retriable() or failure.code() == KafkaError._TIMED_OUT
        producer.abort_transaction(LIMIT_S)
        member.close()

    def test_two_members_have_the_same_partitions_of_both_topics(self, bench: Bench, names: str) -> None:
        first, second = bench.member(names, f"{names}-0"), bench.member(names, f"{names}-1")

        def shared() -> bool:
            polled(first), polled(second)
            return len(numbers(first)) == len(numbers(second)) == 2 and numbers(first) != numbers(second)

        assert bench.until(shared)
        assert numbers(first) == {TICKS.name: [0], ORDERS.name: [0]}
        assert numbers(second) == {TICKS.name: [1], ORDERS.name: [1]}
        first.close(), second.close()

    def test_a_static_name_taken_anew_fences_who_had_it(self, bench: Bench, names: str) -> None:
        older, newer = bench.static(names, names), bench.static(names, names)
        assert older.foreign_member(LIMIT_S) is None, "nobody has it"
        old = joined(older)
        assert bench.until(lambda: bool(polled(old) or numbers(old)))
        who = old.consumer_group_metadata()
        assert older.foreign_member(LIMIT_S) is None
        assert newer.foreign_member(LIMIT_S) == old.memberid()
        new = joined(newer)
        assert bench.until(lambda: bool(polled(new) or numbers(new)))
        assert older.foreign_member(LIMIT_S) == new.memberid() != old.memberid()
        assert newer.foreign_member(LIMIT_S) is None
        assert numbers(new) == {TICKS.name: [0, 1], ORDERS.name: [0, 1]}
        heard: list[Message] = []
        assert bench.until(lambda: heard.extend(polled(old)) or bool(heard))
        failure = heard[0].error()
        assert failure is not None
        assert is_fenced(failure)
        refused(bench.transactional(names), who)
        old.close(), new.close()

    def test_a_member_of_an_older_generation_cannot_commit(self, bench: Bench, names: str) -> None:
        first = bench.member(names, f"{names}-0")
        assert bench.until(lambda: bool(polled(first) or numbers(first)))
        who, second = first.consumer_group_metadata(), bench.member(names, f"{names}-1")
        assert bench.until(lambda: bool(polled(first) or polled(second) or numbers(second)))
        refused(bench.transactional(names), who)
        first.close(), second.close()

    def test_a_silent_member_loses_its_place_by_itself(self, bench: Bench, names: str) -> None:
        silent = bench.member(names, f"{names}-0")
        assert bench.until(lambda: bool(polled(silent) or numbers(silent)))
        silent.close()  # a static member says no goodbye
        other = bench.member(names, f"{names}-1")
        try:
            assert bench.until(lambda: bool(polled(other)) or numbers(other).get(TICKS.name) == [0, 1])
        finally:
            other.close()

    def test_a_record_that_is_too_large_is_refused(self, bench: Bench) -> None:
        with pytest.raises(KafkaException) as caught:
            bench.producer().produce(TOPIC, bytes(2 * RECORD_BYTES_MAX), b"key", 0)
        assert caught.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE


def _stable(member: Consumer, place: TopicPartition, found: list[TopicPartition]) -> bool:
    try:
        found[:] = member.committed([place], timeout=LIMIT_S)
    except KafkaException as failure:
        if not failure.args[0].retriable():
            raise
        return False
    return True
