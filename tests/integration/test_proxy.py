"""The proxy in front of a real broker: each action does what it says, and nothing stops it."""

import asyncio
import socket
from collections.abc import Iterator
from itertools import count

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.proxy.actions import (
    Action,
    AfterFrame,
    Delay,
    Drop,
    DropReplyAndClose,
    Duplicate,
    DuplicateLater,
    Hold,
    Manual,
)
from tests.proxy.broker import ProxiedKafka
from tests.proxy.events import Event, Outcome
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.random_schedule import random_schedule
from tests.proxy.raw_client import HOST, RawClient, metadata_request
from tests.proxy.schedule import OnlyNth, Rule, Schedule
from tests.proxy.server import Proxy
from tests.proxy.torn import RUNS, Run, torn
from tests.system.chaos import log
from tests.waiting import LIMIT_S, Deadline, eventually
from tidewheel.local.processes.subprocesses import free_port

pytestmark = pytest.mark.broker

CALL_LIMIT_S = 5.0  # what is drawn makes some calls last so long
METADATA = ApiKey.METADATA
REPLY = Direction.REPLY
names = (f"client-{number}" for number in count())


@pytest.fixture
def kafka(kafka: ProxiedKafka) -> Iterator[ProxiedKafka]:
    """No connection is left of a test."""
    yield kafka
    kafka.proxy.use(Schedule())
    kafka.proxy.release()
    eventually(lambda: kafka.proxy.connections == 0, "all connections are closed")


@pytest.fixture
def name() -> str:
    """A client id of its own."""
    return next(names)


def tamper(
    kafka: ProxiedKafka, name: str, action: Action, nth: int = 2, direction: Direction = Direction.REQUEST
) -> None:
    """With the client's n-th request, the second if nothing else is said, or its reply."""
    kafka.proxy.use(Schedule([Rule.of(action, METADATA, direction=direction, client=name, when=OnlyNth(nth))]))


def event(kafka: ProxiedKafka, name: str, outcome: Outcome) -> Event:
    """The one of a client, once it has come to that."""

    def came(events: list[Event]) -> bool:
        return any(one.info.client == name and one.outcome is outcome for one in events)

    found = kafka.proxy.events.wait_for(came, LIMIT_S)  # type: ignore[arg-type]
    (of_client,) = [one for one in found if one.info.client == name]
    return of_client


def answers(client: RawClient, count: int) -> list[int | None]:
    return [client.answer() for _ in range(count)]


def another_is_answered(kafka: ProxiedKafka, name: str) -> None:
    """On another connection; what was sent before has arrived, if it was to."""
    with RawClient(kafka.proxy.port, name) as other:
        assert other.answered(100)


def make_topic(bootstrap: str, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()


def test_frames_pass_and_each_way_leads_to_its_own_address(kafka: ProxiedKafka, name: str) -> None:
    before = kafka.proxy.events.all()
    ways = (kafka.bootstrap, kafka.direct)
    brokers = [AdminClient({"bootstrap.servers": way}).list_topics(timeout=LIMIT_S).brokers for way in ways]
    assert [f"{one[1].host}:{one[1].port}" for one in brokers] == [kafka.bootstrap, kafka.direct]
    make_topic(kafka.bootstrap, name)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 50})
    values = [number.to_bytes(4, "big") * 25_000 for number in range(40)]  # larger than one reading of a socket
    for value in values:
        producer.produce(name, value, partition=0)
        producer.poll(0)
    assert producer.flush(LIMIT_S) == 0
    assert asyncio.run(read(kafka.bootstrap, name, len(values))) == values
    assert kafka.proxy.events.all() == before


async def read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


@pytest.mark.parametrize("direction", Direction)
def test_what_is_delayed_comes_later_and_what_is_behind_it_too(
    kafka: ProxiedKafka, name: str, direction: Direction
) -> None:
    tamper(kafka, name, Delay(0.2), direction=direction)
    with RawClient(kafka.proxy.port, name) as client:
        client.ask(1, 2, 3, 4)
        assert answers(client, 4) == [1, 2, 3, 4]
    delayed = event(kafka, name, Outcome.DELIVERED if direction is REPLY else Outcome.ANSWERED)
    assert delayed.released_s is not None
    assert delayed.released_s >= delayed.at_s + 0.2


@pytest.mark.parametrize("direction", Direction)
def test_nothing_passes_what_is_held(kafka: ProxiedKafka, name: str, direction: Direction) -> None:
    tamper(kafka, name, Hold(Manual()), direction=direction)
    with RawClient(kafka.proxy.port, name) as client:
        client.ask(1, 2, 3)
        assert client.answer() == 1
        event(kafka, name, Outcome.HELD)
        client.ask(4)
        another_is_answered(kafka, name)
        assert client.silent
        assert kafka.proxy.release() == 1
        assert answers(client, 3) == [2, 3, 4]
    assert event(kafka, name, Outcome.DELIVERED if direction is REPLY else Outcome.ANSWERED).released_s is not None


def test_what_is_held_gets_to_the_broker_though_its_client_is_gone(kafka: ProxiedKafka, name: str) -> None:
    tamper(kafka, name, Hold(Manual()))
    with RawClient(kafka.proxy.port, name) as client:
        client.ask(1, 2)
        assert client.answer() == 1
        event(kafka, name, Outcome.HELD)
    another_is_answered(kafka, name)
    assert kafka.proxy.release() == 1
    event(kafka, name, Outcome.ANSWERED)


@pytest.mark.parametrize("after_s", [0.0, 0.1])
def test_what_is_held_and_cut_gets_to_the_broker_and_its_reply_to_nobody(
    kafka: ProxiedKafka, name: str, after_s: float
) -> None:
    tamper(kafka, name, Hold(Manual(), close_after_s=after_s))
    with RawClient(kafka.proxy.port, name) as client:
        assert client.answered(1)
        client.ask(2, 3)
        assert client.answer() is None
    another_is_answered(kafka, name)
    assert event(kafka, name, Outcome.HELD).released_s is None
    assert kafka.proxy.release() == 1
    event(kafka, name, Outcome.ANSWERED)


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("before", [False, True])
def test_the_nth_later_frame_lets_it_go(kafka: ProxiedKafka, name: str, direction: Direction, before: bool) -> None:
    """On whichever connection of the same client it comes; another client's is none."""
    tamper(kafka, name, Hold(AfterFrame(METADATA, direction, nth=2, before=before), close_after_s=0.0))
    with RawClient(kafka.proxy.port, name) as client:
        assert client.answered(1)
        client.ask(2, 3)
        assert client.answer() is None
    another_is_answered(kafka, name)
    another_is_answered(kafka, next(names))
    assert event(kafka, name, Outcome.HELD).released_s is None
    another_is_answered(kafka, name)
    if before:
        assert [one.outcome for one in kafka.proxy.events.all() if one.info.client == name] == [Outcome.ANSWERED]
    event(kafka, name, Outcome.ANSWERED)


def test_one_is_let_go_after_its_time_where_nothing_comes_later(kafka: ProxiedKafka, name: str) -> None:
    tamper(kafka, name, Hold(AfterFrame(ApiKey.PRODUCE, or_after_s=0.1)))
    with RawClient(kafka.proxy.port, name) as client:
        client.ask(1, 2)
        assert answers(client, 2) == [1, 2]


def test_what_is_doubled_is_answered_twice_and_the_client_hears_it_once(kafka: ProxiedKafka, name: str) -> None:
    tamper(kafka, name, Duplicate())
    with RawClient(kafka.proxy.port, name) as client:
        client.ask(1, 2, 3)
        assert answers(client, 3) == [1, 2, 3]
    event(kafka, name, Outcome.ANSWERED)


def test_a_copy_comes_later_on_the_same_connection(kafka: ProxiedKafka, name: str) -> None:
    tamper(kafka, name, DuplicateLater(Manual()))
    with RawClient(kafka.proxy.port, name) as client:
        client.ask(1, 2, 3)
        assert answers(client, 3) == [1, 2, 3]
        kafka.proxy.use(Schedule())  # now nobody waits for the end of such a frame
        half = metadata_request(4, name)
        client.send(half[:9])  # which is no place to put one
        another_is_answered(kafka, name)
        assert kafka.proxy.release() == 1
        client.send(half[9:])
        assert client.answer() == 4
        event(kafka, name, Outcome.ANSWERED)


def test_a_copy_comes_though_its_client_was_cut(kafka: ProxiedKafka, name: str) -> None:
    tamper(kafka, name, DuplicateLater(Manual(), close_after_s=0.0))
    with RawClient(kafka.proxy.port, name) as client:
        assert client.answered(1)
        client.ask(2, 3)
        assert client.answer() is None
    assert kafka.proxy.release() == 1
    event(kafka, name, Outcome.ANSWERED)


@pytest.mark.parametrize("direction", Direction)
def test_what_is_lost_is_missing(kafka: ProxiedKafka, name: str, direction: Direction) -> None:
    tamper(kafka, name, Drop(close_after_s=None), direction=direction)
    with RawClient(kafka.proxy.port, name) as client:
        client.ask(1, 2, 3)
        assert answers(client, 2) == [1, 3]
    event(kafka, name, Outcome.LOST)


@pytest.mark.parametrize("close_after_s", [0.0, 0.3])
@pytest.mark.parametrize("direction", Direction)
def test_one_that_is_cut_before_never_arrives_nor_what_comes_behind(
    kafka: ProxiedKafka, name: str, direction: Direction, close_after_s: float
) -> None:
    tamper(kafka, name, Drop(close_after_s), direction=direction)
    with RawClient(kafka.proxy.port, name) as client:
        assert client.answered(1)
        client.ask(2, 3)
        assert client.answer() is None
    event(kafka, name, Outcome.LOST)


def test_one_that_is_cut_after_arrives_and_its_reply_does_not(kafka: ProxiedKafka, name: str) -> None:
    tamper(kafka, name, DropReplyAndClose())
    with RawClient(kafka.proxy.port, name) as client:
        assert client.answered(1)
        client.ask(2, 3)
        assert client.answer() is None
    event(kafka, name, Outcome.ANSWERED)


def test_a_reply_that_is_held_for_a_client_that_went_is_lost(kafka: ProxiedKafka, name: str) -> None:
    tamper(kafka, name, Hold(Manual()), nth=1, direction=REPLY)
    with RawClient(kafka.proxy.port, name) as client:
        client.ask(1)
        event(kafka, name, Outcome.HELD)
    event(kafka, name, Outcome.LOST)
    assert kafka.proxy.release() == 0


def test_a_broker_that_is_killed_loses_what_was_kept_and_comes_back(kafka: ProxiedKafka, name: str) -> None:
    tamper(kafka, name, Hold(Manual(), close_after_s=0.0), nth=1)
    with RawClient(kafka.proxy.port, name) as client:
        client.ask(1)
        assert client.answer() is None
    kafka.kill()
    event(kafka, name, Outcome.LOST)
    assert kafka.proxy.release() == 0
    with RawClient(kafka.proxy.port, name) as refused:
        assert refused.answer() is None
    kafka.start()
    another_is_answered(kafka, name)


@pytest.mark.parametrize(
    "sent",
    [b"", b"\0", metadata_request(1, "c")[:7], metadata_request(1, "c")[:12], b"\xff" * 40, b"GET / HTTP/1.1\r\n\r\n"],
)
def test_clients_that_go_amid_a_frame_or_speak_otherwise_are_let_go(
    kafka: ProxiedKafka, sent: bytes, name: str
) -> None:
    tamper(kafka, name, Delay(0.1))
    for _ in range(5):
        with RawClient(kafka.proxy.port, name) as client:
            client.send(sent)
    eventually(lambda: kafka.proxy.connections == 0, "none is left")
    another_is_answered(kafka, name)
    assert kafka.proxy.failures == []


def test_it_ends_with_all_that_it_keeps(kafka: ProxiedKafka, name: str) -> None:
    rule = Rule.of(Hold(Manual()), METADATA)
    with Proxy(kafka.proxy.broker_port, Schedule([rule])) as proxy, RawClient(proxy.port, name) as client:
        client.ask(1)
        proxy.events.wait_for_outcome(Outcome.HELD, LIMIT_S)
        proxy.close()
        assert client.answer() is None
    assert [one.outcome for one in proxy.events.all()] == [Outcome.LOST]
    assert proxy.failures == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, proxy.port))


def test_one_whose_broker_never_was_lets_its_clients_go() -> None:
    with Proxy(free_port()) as proxy, RawClient(proxy.port, "c") as client:
        assert client.answer() is None
        eventually(lambda: proxy.connections == 0, "it is gone")
    assert proxy.failures == []


def test_a_taken_port_is_told(kafka: ProxiedKafka) -> None:
    with pytest.raises(OSError, match="in use"), Proxy(1, port=kafka.proxy.port):
        pass


@pytest.mark.parametrize("run", [RUNS[0], RUNS[2]], ids=lambda run: run.name)
def test_a_late_end_tears_the_next_transaction_unless_its_producer_is_new(kafka: ProxiedKafka, run: Run) -> None:
    assert torn(kafka, run).faults(run) == []


class Writer:
    """Commits one record after another; one that gives up begins anew under its name, as a process would."""

    def __init__(self, kafka: ProxiedKafka, name: str) -> None:
        self._kafka, self._name = kafka, name
        self._producer: Producer | None = None

    def commit(self, value: bytes) -> None:
        """Once more each time it fails. Raises TimeoutError where it does so for too long."""
        deadline = Deadline()
        while not self._committed(value):
            if deadline.passed:
                raise TimeoutError(value)

    def _committed(self, value: bytes) -> bool:
        try:
            producer = self._producer = self._producer or self._made()
            producer.begin_transaction()
            producer.produce(self._name, value, partition=0)
            producer.commit_transaction(CALL_LIMIT_S)
        except KafkaException:
            self._producer = None
        return self._producer is not None

    def _made(self) -> Producer:
        config = {"bootstrap.servers": self._kafka.bootstrap, "client.id": self._name, "transactional.id": self._name}
        producer = Producer({**config, "socket.timeout.ms": 2000, "log_level": 0})
        producer.init_transactions(CALL_LIMIT_S)
        return producer


def test_nothing_that_is_drawn_stops_it(kafka: ProxiedKafka, name: str) -> None:
    """What comes of the records is not asked here: a plain client may write one twice, or tear a transaction."""
    make_topic(kafka.direct, name)
    kafka.proxy.use(random_schedule(5, rate=0.2, client=name))
    writer = Writer(kafka, name)
    values = [str(number).encode() for number in range(12)]
    for value in values:
        writer.commit(value)
    kafka.proxy.use(Schedule())
    kafka.proxy.release()
    writer.commit(b"the last")
    done = kafka.proxy.events.wait_for(
        lambda events: all(one.outcome is not Outcome.HELD for one in events if one.info.client == name), LIMIT_S
    )
    assert len([one for one in done if one.info.client == name]) > 4
    found = [record.value for record in log.committed(kafka.direct, name)]
    assert set(found) == {*values, b"the last"}
    assert kafka.proxy.failures == []
