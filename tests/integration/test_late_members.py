"""Requests of members of a group that come late or after the member that took their name, on a real broker.

Rows of docs/late-requests.md. Consumers are as ours; the labeler itself where it matters what it makes of it.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, ConsumerGroupState, KafkaError
from confluent_kafka.admin import AdminClient

from tests import labelers
from tests.labelers import Inputs, publish
from tests.proxy.actions import Duplicate, Hold, Manual
from tests.proxy.broker import ProxiedKafka
from tests.proxy.frames import ApiKey
from tests.proxy.tampered_request import TamperedRequest
from tests.readers import payloads
from tests.waiting import eventually
from tidewheel.contracts.topics import EXAMPLES, LABELER_GROUP, ORDERS, TICKS, TRANSACTIONS
from tidewheel.runtime import static_member
from tidewheel.runtime.kafka import consumer_config
from tidewheel.runtime.static_member import StaticMember
from tidewheel.runtime.transaction_policy import is_fenced

pytestmark = [pytest.mark.broker, pytest.mark.usefixtures("topics_of_one_partition")]

JOIN, SYNC, HEARTBEAT, LEAVE = ApiKey.JOIN_GROUP, ApiKey.SYNC_GROUP, ApiKey.HEARTBEAT, ApiKey.LEAVE_GROUP
HELD = Hold(Manual(), 0.0)
REFUSED = (KafkaError.FENCED_INSTANCE_ID, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION)


class Members:
    """Makes consumers of one group; `service` is the client's name by which the proxy knows it.

    Nobody closes them: one that is forgotten (`del`) is gone without a word, as a process that is killed. They are told
    of no rebalance therefore, which may hang as they go.
    """

    def __init__(self, kafka: ProxiedKafka, group: str) -> None:
        self._kafka, self._group = kafka, group

    def named(self, service: str, name: str = "one") -> Consumer:
        """As a labeler, of a name that outlives it."""
        return self._joining(service, StaticMember(self._kafka.bootstrap, service, self._group, name).consumer())

    def nameless(self, service: str) -> Consumer:
        """As a trainer or an order bot that was given no name, but of a short session."""
        config = consumer_config(self._kafka.bootstrap, service, self._group)
        more = {"session.timeout.ms": 2000, "heartbeat.interval.ms": 200}
        return self._joining(service, Consumer(config | more))

    def _joining(self, service: str, consumer: Consumer) -> Consumer:
        consumer.subscribe([TICKS.name, ORDERS.name])
        return consumer

    def _described(self) -> Any:
        admin = AdminClient({"bootstrap.servers": self._kafka.direct})
        return admin.describe_consumer_groups([self._group])[self._group].result()

    def holder(self, name: str = "one") -> str | None:
        """The member id that the group knows a name by."""
        return next((one.member_id for one in self._described().members if one.group_instance_id == name), None)

    def are_stable(self, count: int) -> bool:
        """So many are members, and no rebalance is under way."""
        found = self._described()
        return len(found.members) == count and found.state is ConsumerGroupState.STABLE


@pytest.fixture
def members(kafka: ProxiedKafka, request: pytest.FixtureRequest) -> Members:
    return Members(kafka, request.node.name)


def polled_until(true: Callable[[], bool], *consumers: Consumer) -> None:
    def turned() -> bool:
        for consumer in consumers:
            consumer.poll(0.02)
        return true()

    eventually(turned, "the group has come to it")


def assigned(*consumers: Consumer) -> None:
    polled_until(lambda: all(len(one.assignment()) == 2 for one in consumers), *consumers)


def generation(consumer: Consumer) -> int:
    """Of its group, as it knows it."""
    (found,) = re.findall(rb"CGMDv2:(.{4})", bytes(consumer.consumer_group_metadata()), re.DOTALL)
    return int.from_bytes(found, "little", signed=True)


def sent(late: TamperedRequest, consumer: Consumer) -> None:
    polled_until(lambda: late.was_sent, consumer)


def goes_on(consumer: Consumer, kafka: ProxiedKafka, service: str) -> None:
    """It is a member still: its heartbeat is answered without an error, and it has its partitions."""
    late = TamperedRequest(kafka, Duplicate(), HEARTBEAT, f"tidewheel-{service}")
    sent(late, consumer)
    assert late.answered().error == 0
    assert consumer.poll(0.1) is None
    assert len(consumer.assignment()) == 2


@pytest.mark.parametrize("api", [SYNC, HEARTBEAT], ids=lambda api: api.name)
def test_what_a_killed_member_sent_is_refused_once_another_has_its_name(
    kafka: ProxiedKafka, members: Members, api: ApiKey
) -> None:
    late = TamperedRequest(kafka, HELD, api, "tidewheel-old")
    old = members.named("old")
    sent(late, old)
    del old
    new = members.named("new")
    assigned(new)
    assert late.release_and_wait().error in REFUSED
    goes_on(new, kafka, "new")


def test_a_heartbeat_of_a_killed_member_that_nobody_has_replaced_keeps_its_place_for_another_session(
    kafka: ProxiedKafka, members: Members
) -> None:
    old = members.named("old")
    assigned(old)
    late = TamperedRequest(kafka, HELD, HEARTBEAT, "tidewheel-old")
    sent(late, old)
    del old
    assert late.release_and_wait().error == 0
    new = members.named("new")
    assigned(new)


def test_a_second_join_of_a_killed_member_is_refused_once_another_has_its_name(
    kafka: ProxiedKafka, members: Members
) -> None:
    """The one by which it would have stayed in the group, when another member joined."""
    old = members.named("old")
    assigned(old)
    late = TamperedRequest(kafka, HELD, JOIN, "tidewheel-old")
    other = members.named("other", "two")
    polled_until(lambda: late.was_sent, old, other)
    del old
    new = members.named("new")
    polled_until(lambda: members.are_stable(2), new, other)
    holder = members.holder()
    assert late.release_and_wait().error in REFUSED
    assert members.holder() == holder == new.memberid()


@pytest.mark.parametrize("api", [SYNC, HEARTBEAT], ids=lambda api: api.name)
def test_what_comes_late_of_a_member_that_lives_changes_nothing(
    kafka: ProxiedKafka, members: Members, api: ApiKey
) -> None:
    late = TamperedRequest(kafka, HELD, api, "tidewheel-slow")
    consumer = members.named("slow")
    sent(late, consumer)
    assigned(consumer)
    late.release_and_wait()
    goes_on(consumer, kafka, "slow")


def test_a_later_join_that_comes_late_of_a_member_that_lives_costs_a_rebalance(
    kafka: ProxiedKafka, members: Members
) -> None:
    slow = members.named("slow")
    assigned(slow)
    late = TamperedRequest(kafka, HELD, JOIN, "tidewheel-slow")
    other = members.named("other", "two")
    polled_until(lambda: late.was_sent, slow, other)
    polled_until(lambda: members.are_stable(2), slow, other)
    before = generation(slow)
    late.release()
    polled_until(lambda: generation(slow) > before, slow, other)
    polled_until(lambda: len(slow.assignment()) + len(other.assignment()) == 2, slow, other)
    assert members.holder() == slow.memberid()
    assert members.holder("two") == other.memberid()


@pytest.mark.parametrize("api", [SYNC, HEARTBEAT], ids=lambda api: api.name)
def test_what_a_member_sends_twice_changes_nothing(kafka: ProxiedKafka, members: Members, api: ApiKey) -> None:
    late = TamperedRequest(kafka, Duplicate(), api, "tidewheel-twice")
    consumer = members.named("twice")
    sent(late, consumer)
    late.answered()
    assigned(consumer)
    goes_on(consumer, kafka, "twice")


def test_a_first_join_that_comes_twice_ends_its_member_and_the_next_start_has_the_name(
    kafka: ProxiedKafka, members: Members
) -> None:
    late = TamperedRequest(kafka, Duplicate(), JOIN, "tidewheel-twice")
    fences_itself = members.named("twice")
    heard: list[KafkaError] = []

    def hears_of_it() -> bool:
        message = fences_itself.poll(0.02)
        if message is not None and (error := message.error()) is not None:
            heard.append(error)
        return any(map(is_fenced, heard))

    eventually(hears_of_it, "it is told")
    late.answered()
    assigned(members.named("next"))


def test_a_member_with_a_name_never_leaves(kafka: ProxiedKafka, members: Members) -> None:
    """So that no leaving of it can come late."""
    late = TamperedRequest(kafka, HELD, LEAVE, "tidewheel-*")
    old = members.named("old")
    assigned(old)
    holder = members.holder()
    old.close()
    assert not late.was_sent
    assert members.holder() == holder


def test_the_leaving_of_a_member_without_a_name_that_comes_late_removes_nobody(
    kafka: ProxiedKafka, members: Members
) -> None:
    old = members.nameless("old")
    assigned(old)
    late = TamperedRequest(kafka, HELD, LEAVE, "tidewheel-old")
    old.close()
    assert late.was_sent
    new = members.nameless("new")
    assigned(new)
    late.release_and_wait()
    goes_on(new, kafka, "new")


def test_the_first_join_of_a_killed_member_without_a_name_makes_no_member(
    kafka: ProxiedKafka, members: Members
) -> None:
    """It is told to come again with the id it is given, which nobody does (KIP-394)."""
    late = TamperedRequest(kafka, HELD, JOIN, "tidewheel-old")
    old = members.nameless("old")
    sent(late, old)
    del old
    new = members.nameless("new")
    assigned(new)
    assert late.release_and_wait().error == KafkaError.MEMBER_ID_REQUIRED
    goes_on(new, kafka, "new")


class Labeling:
    """A labeler and what it is to write; sessions are as short as the broker allows."""

    def __init__(self, kafka: ProxiedKafka, monkeypatch: pytest.MonkeyPatch, symbol: str) -> None:
        monkeypatch.setattr(static_member, "SESSION_LIMIT_MS", labelers.session_limit_ms(kafka.direct))
        self._kafka = kafka
        self.inputs = Inputs.of(f"sim:{symbol}", 0, seed=5)
        publish(kafka.direct, [self.inputs], stop=300)

    def reaches_half(self, labeler: labelers.RunningLabeler) -> None:
        labeler.step_until(lambda: labeler.written_second(self.inputs) == self.inputs.seconds[299].second)

    def ends_well(self, labeler: labelers.RunningLabeler) -> None:
        """It writes the rest too, and nothing is lost or doubled."""
        publish(self._kafka.direct, [self.inputs], start=300)
        labeler.step_until_written([self.inputs])
        for topic, wanted in ((TRANSACTIONS.name, self.inputs.transactions), (EXAMPLES.name, self.inputs.examples)):
            assert payloads(self._kafka.direct, topic, self.inputs.instrument) == wanted


def test_a_labeler_whose_first_join_comes_twice_goes_on_with_a_new_consumer(
    kafka: ProxiedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is fenced by itself, and what the group knows by its name it has never heard of."""
    labeling = Labeling(kafka, monkeypatch, "JOINED-TWICE")
    late = TamperedRequest(kafka, Duplicate(), JOIN, "tidewheel-labeler")
    with labelers.running(kafka.bootstrap) as start:
        labeler = start()
        first = labeler.consumers[-1]
        labeling.reaches_half(labeler)
        late.answered()
        assert labeler.consumers[-1] is not first, "else it is not what this is about"
        labeling.ends_well(labeler)


def test_the_first_join_of_a_killed_labeler_costs_its_successor_a_consumer(
    kafka: ProxiedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names no member, so the group cannot know that it is the older one."""
    labeling = Labeling(kafka, monkeypatch, "JOINED-LATE")
    late = TamperedRequest(kafka, HELD, JOIN, "tidewheel-labeler")
    killed = StaticMember(kafka.bootstrap, "labeler", LABELER_GROUP, "tidewheel-labeler-0").consumer()
    killed.subscribe([TICKS.name, ORDERS.name])
    sent(late, killed)
    del killed
    with labelers.running(kafka.bootstrap) as start:
        successor = start()
        labeling.reaches_half(successor)
        first = successor.consumers[-1]
        assert late.release_and_wait().error == 0
        successor.step_until(lambda: successor.consumers[-1] is not first)
        labeling.ends_well(successor)
