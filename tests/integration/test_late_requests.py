"""Requests that come late, twice or not at all, of the labeler's own producer, on a real broker.

After which of them the end is uncertain, and what becomes of the late one when another producer has taken over.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.proxy.actions import (
    Action,
    AfterFrame,
    AfterSeconds,
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
from tests.proxy.schedule import OnlyNth, Rule, Schedule
from tests.system.chaos import log
from tests.waiting import LIMIT_S, eventually
from tidewheel.contracts.topics import TICKS, TRANSACTIONS
from tidewheel.runtime.kafka import KAFKA, consumer_config
from tidewheel.runtime.transaction_evidence import Uncertainty
from tidewheel.runtime.transaction_policy import is_fenced
from tidewheel.runtime.transactional_producer import CommitUncertainError, TransactionalProducer, transactional_client
from tidewheel.runtime.watchdog import ClientHungError, call_with_watchdog

pytestmark = [pytest.mark.broker, pytest.mark.usefixtures("topics_of_one_partition")]

END, ADD, OFFSETS, COMMIT, PRODUCE, INIT = (
    ApiKey.END_TXN,
    ApiKey.ADD_PARTITIONS_TO_TXN,
    ApiKey.ADD_OFFSETS_TO_TXN,
    ApiKey.TXN_OFFSET_COMMIT,
    ApiKey.PRODUCE,
    ApiKey.INIT_PRODUCER_ID,
)
RESENT, LOST = Uncertainty.END_RESENT, Uncertainty.CONNECTION_LOST


class Writer:
    """A labeler's producer that writes transactions of one record, with offsets, as one of no group's members.

    `hung`: a call did not come back, as librdkafka's do at times whose connection is cut (its issue 5456). As the
    labeler does, it has a new producer then, and writes again.
    """

    hung = False

    def __init__(self, kafka: ProxiedKafka, name: str) -> None:
        self.name = name
        self.producer = TransactionalProducer(partial(transactional_client, kafka.bootstrap, "labeler", name, KAFKA))
        self.producer.renew(LIMIT_S)
        self._who = Consumer(consumer_config(kafka.direct, "test", name)).consumer_group_metadata()

    def begin(self, value: bytes) -> None:
        self.producer.begin()
        self.producer.produce(TRANSACTIONS.name, value, self.name, 0)

    def end(self, offset: int) -> None:
        offsets = [TopicPartition(TICKS.name, 0, offset)]
        call_with_watchdog(lambda: self.producer.send_offsets(offsets, self._who, LIMIT_S), lambda: None)
        self.producer.commit(LIMIT_S)

    def settle(self) -> None:
        """Return when all that a client does by itself is done: it has had nothing to tell for a while."""
        while self.producer._drain_log(0.2):
            pass

    def write(self, value: bytes, offset: int) -> None:
        self.begin(value)
        try:
            self.end(offset)
        except ClientHungError:
            self.hung = True
            self.producer.renew(LIMIT_S)
            self.write(value, offset)

    def write_anew(self, value: bytes, offset: int) -> Uncertainty | None:
        """What is uncertain after a transaction of a new producer."""
        self.producer.renew(LIMIT_S)
        self.write(value, offset)
        return self.producer.uncertainty


def tampered(kafka: ProxiedKafka, name: str, action: Action, api: ApiKey, direction: Direction) -> Writer:
    """A transaction in peace, and one of which a request or its reply is tampered with."""
    writer = Writer(kafka, name)
    writer.write(b"1", 1)
    assert writer.producer.uncertainty is None, "peace is certain"
    kafka.proxy.use(Schedule([Rule.of(action, api, direction=direction, transactional_id=name, when=OnlyNth(1))]))
    writer.write(b"2", 2)
    return writer


REQUEST, REPLY = Direction.REQUEST, Direction.REPLY
LATER = AfterFrame(ApiKey.PRODUCE, REPLY, or_after_s=20.0)
CERTAIN = [
    # What is answered once, however late.
    (Delay(0.3), END, REQUEST),
    (Delay(0.3), END, REPLY),
    (Hold(AfterSeconds(1.0)), END, REQUEST),
    (Hold(AfterSeconds(1.0)), COMMIT, REPLY),
    # What came twice before it was answered.
    (Duplicate(), END, REQUEST),
    (Duplicate(), COMMIT, REQUEST),
]
UNCERTAIN = [
    # What was sent again, wherever the first one is now.
    (Hold(LATER, 0.0), END, REQUEST),
    (Hold(LATER, 0.5), END, REQUEST),
    (DuplicateLater(LATER, 0.0), END, REQUEST),
    (Drop(0.0), END, REQUEST),
    (DropReplyAndClose(), END, REQUEST),
    (Drop(0.0), END, REPLY),
    # The end of a transaction another request of which was sent again.
    *((action, api, REQUEST) for api in (ADD, OFFSETS, COMMIT) for action in (Hold(LATER, 0.0), DropReplyAndClose())),
]


@pytest.mark.parametrize(("action", "api", "direction"), CERTAIN, ids=str)
def test_what_cannot_come_again_costs_nothing(
    kafka: ProxiedKafka, action: Action, api: ApiKey, direction: Direction
) -> None:
    name = f"certain-{CERTAIN.index((action, api, direction))}"
    assert tampered(kafka, name, action, api, direction).producer.uncertainty is None


@pytest.mark.parametrize(("action", "api", "direction"), UNCERTAIN, ids=str)
def test_what_may_still_be_on_its_way_is_noticed(
    kafka: ProxiedKafka, action: Action, api: ApiKey, direction: Direction
) -> None:
    writer = tampered(kafka, f"noticed-{UNCERTAIN.index((action, api, direction))}", action, api, direction)
    assert writer.hung or writer.producer.uncertainty in (RESENT, LOST)
    assert api is not END or writer.producer.uncertainty is RESENT, "of an end that is said by its own lines"
    # Once is not always enough: a broker may close a connection of the new one too, for reasons of its own.
    eventually(lambda: writer.write_anew(b"3", 3) is None, "a new producer begins anew")


def test_an_end_that_nobody_answers_is_uncertain(kafka: ProxiedKafka) -> None:
    writer = Writer(kafka, "unanswered")
    kafka.proxy.use(Schedule([Rule.of(Drop(None), END, transactional_id="unanswered", when=OnlyNth(1))]))
    writer.begin(b"1")
    writer.producer.send_offsets([TopicPartition(TICKS.name, 0, 1)], writer._who, LIMIT_S)
    with pytest.raises(CommitUncertainError):
        writer.producer.commit(1.0)
    assert writer.producer.uncertainty is Uncertainty.END_UNSEEN
    kafka.proxy.use(Schedule())
    writer.producer.renew(LIMIT_S)


def answered(kafka: ProxiedKafka, name: str) -> Event:
    """What was tampered with of a producer, once the broker has answered it."""

    def of_name(events: Sequence[Event]) -> list[Event]:
        return [one for one in events if one.info.transactional_id == name and one.outcome is Outcome.ANSWERED]

    return of_name(kafka.proxy.events.wait_for(lambda events: bool(of_name(events)), LIMIT_S))[0]


@pytest.mark.parametrize("api", [END, ADD, OFFSETS, COMMIT, PRODUCE], ids=lambda api: api.name)
def test_what_comes_late_is_refused_once_there_is_a_new_producer(kafka: ProxiedKafka, api: ApiKey) -> None:
    """It comes in the middle of the next transaction, when that has a record on the broker."""
    name = f"refused-{api.name}"
    writer = tampered(kafka, name, Hold(Manual(), 0.0), api, REQUEST)
    writer.producer.renew(LIMIT_S)
    writer.begin(b"3")
    writer.settle()
    kafka.proxy.release()
    late = answered(kafka, name)
    assert late.error != 0, "it is refused, where the proxy can read what is answered"
    writer.end(3)
    (place,) = Consumer(consumer_config(kafka.direct, "test", name)).committed([TopicPartition(TICKS.name, 0)], LIMIT_S)
    assert place.offset == 3
    eventually(lambda: values(kafka, name) == [b"1", b"2", b"3"], "each is there once")


def test_an_initialisation_that_comes_late_takes_the_place_of_the_one_that_was_sent_again(kafka: ProxiedKafka) -> None:
    """The coordinator cannot know that it is the older one: it costs a producer, and no record."""
    kafka.proxy.use(Schedule([Rule.of(Hold(Manual(), 0.0), INIT, transactional_id="init", when=OnlyNth(1))]))
    writer = Writer(kafka, "init")
    writer.write(b"1", 1)
    writer.begin(b"2")
    writer.settle()
    kafka.proxy.release()
    answered(kafka, "init")
    with pytest.raises(KafkaException) as refused:
        writer.end(2)
    assert is_fenced(refused.value.args[0])
    writer.producer.renew(LIMIT_S)
    writer.write(b"2", 2)
    eventually(lambda: values(kafka, "init") == [b"1", b"2"], "each is there once")


def test_an_initialisation_that_comes_twice_costs_a_producer_at_most(kafka: ProxiedKafka) -> None:
    kafka.proxy.use(Schedule([Rule.of(Duplicate(), INIT, transactional_id="init-twice", when=OnlyNth(1))]))
    writer = Writer(kafka, "init-twice")
    answered(kafka, "init-twice")
    with suppress(KafkaException):
        writer.write(b"1", 1)
    if not values(kafka, "init-twice"):
        writer.producer.renew(LIMIT_S)
        writer.write(b"1", 1)
    eventually(lambda: values(kafka, "init-twice") == [b"1"], "it is there once")


def test_what_is_repeated_with_no_sign_is_seen_by_no_client(kafka: ProxiedKafka) -> None:
    """A limit of the remedy, kept so that it is known: a copy that follows when the first has been answered."""
    writer = tampered(kafka, "repeated", DuplicateLater(Manual()), END, REQUEST)
    assert writer.producer.uncertainty is None
    writer.begin(b"torn")
    writer.settle()
    kafka.proxy.release()
    assert answered(kafka, "repeated").error == 0
    eventually(lambda: b"torn" in values(kafka, "repeated"), "what is not committed is read as if it were")


def values(kafka: ProxiedKafka, name: str) -> list[bytes | None]:
    """What is committed of a producer's records, as a reader gets it now."""
    return [one.value for one in log.committed(kafka.direct, TRANSACTIONS.name) if one.key == name.encode()]
