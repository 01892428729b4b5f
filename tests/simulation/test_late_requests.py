"""What the broker in memory makes of a request that comes late, and what its client hears and writes of it. On a real
broker tests with a proxy show the same."""

from collections.abc import Callable
from random import Random
from typing import Any, cast
from unittest.mock import patch

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.conformance.test_broker_contract import TransactionEndLog
from tests.simulation import fault_plan, mutants, runs
from tests.simulation.broker import Broker
from tests.simulation.consumer import SimConsumer
from tests.simulation.fault_plan import Fault
from tests.simulation.injector import NoFaults
from tests.simulation.network import ApiKey, DelayedRequest, Network, NetworkFault
from tests.simulation.producer import TIMEOUTS_BEFORE_RESEND, SimProducer
from tidewheel.contracts.topics import TOPICS, TRANSACTIONS
from tidewheel.runtime.transaction_policy import is_fenced

NAME, GROUP, PLACE = "writer", "readers", (TRANSACTIONS.name, 0)


class Holding(NoFaults):
    """The network keeps one request, of those that are sent from when it is told to; `come` lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.hold: tuple[ApiKey, NetworkFault] | None = None
        self.come: Callable[[], object] = lambda: pytest.fail("nothing was kept")

    def sent(self, request: ApiKey, owner: str, copy: Callable[[], object]) -> str:
        if self.hold is None or request is not self.hold[0]:
            return ""
        (_, how), self.hold, self.come = self.hold, None, copy
        return how


class Lines(TransactionEndLog):
    """Also by facility."""

    def __init__(self) -> None:
        super().__init__()
        self.facilities: set[str] = set()

    def log(self, level: int, message: str, *args: str) -> None:
        super().log(level, message, *args)
        self.facilities.add(args[0])

    def errors(self) -> list[str]:
        return [end.split()[2] for end in self.ends]


class Writer:
    """A broker, a group with one member, and a transactional producer behind the network."""

    def __init__(self) -> None:
        self.broker = Broker({name: topic.partitions(2) for name, topic in TOPICS.items()}, Random(1))
        self.injector, self.lines = Holding(), Lines()
        self.member = SimConsumer(self.broker, NoFaults(), Random(1), {"group.id": GROUP})
        self.producer = self.another()

    def another(self) -> SimProducer:
        config = {"transactional.id": NAME, "debug": "eos", "logger": self.lines}
        producer = SimProducer(self.broker, self.injector, Random(2), config)
        producer.init_transactions()
        return producer

    def write(self, *values: bytes, offset: int | None = None) -> None:
        """Records on their topic, and offsets in the transaction; all of it sent."""
        for value in values:
            self.producer.produce(*(PLACE[0], value, b"key", PLACE[1]))
        self.producer.flush()
        if offset is not None:
            self.producer.send_offsets_to_transaction(
                [TopicPartition(*PLACE, offset)], self.member.consumer_group_metadata()
            )

    def begin(self, *values: bytes, offset: int | None = None) -> None:
        self.producer.begin_transaction()
        self.write(*values, offset=offset)

    def visible(self) -> list[bytes | None]:
        self.broker.settle()
        return [record.value for _, record in self.broker.partitions[PLACE].committed()]

    def offset(self) -> int | None:
        self.broker.settle()
        found = self.broker.group(GROUP).offsets.get(PLACE)
        return None if found is None else found[0]


@pytest.fixture
def writer() -> Writer:
    return Writer()


def end_kept(writer: Writer, how: NetworkFault = NetworkFault.RESENT) -> None:
    """A transaction of which an EndTxn stays on its way; the next one has begun."""
    writer.begin(b"1", offset=1)
    writer.injector.hold = ApiKey.END, how
    writer.producer.commit_transaction()
    writer.begin(b"2", offset=2)


def test_an_end_that_comes_late_commits_the_beginning_of_the_next_transaction(writer: Writer) -> None:
    end_kept(writer)
    assert (writer.visible(), writer.offset()) == ([b"1"], 1)
    writer.injector.come()
    assert (writer.visible(), writer.offset()) == ([b"1", b"2"], 2)
    writer.write(b"3")
    with pytest.raises(KafkaException) as caught:
        writer.producer.commit_transaction()
    assert caught.value.args[0].txn_requires_abort()
    with pytest.raises(KafkaException) as caught:
        writer.producer.abort_transaction()
    assert caught.value.args[0].fatal()
    assert caught.value.args[0].code() == KafkaError.INVALID_TXN_STATE
    assert writer.visible() == [b"1", b"2"]
    with pytest.raises(KafkaException):
        writer.producer.begin_transaction()


def test_offsets_behind_an_end_that_came_late_are_fatal(writer: Writer) -> None:
    end_kept(writer)
    writer.injector.come()
    with pytest.raises(KafkaException) as caught:
        writer.write(offset=3)
    assert caught.value.args[0].fatal()
    assert writer.offset() == 2


def test_what_is_registered_behind_an_end_that_came_late_is_another_transaction(writer: Writer) -> None:
    end_kept(writer)
    writer.injector.come()
    writer.producer.produce(PLACE[0], b"elsewhere", b"key", 1)
    writer.producer.commit_transaction()
    writer.broker.settle()
    assert [record.value for _, record in writer.broker.partitions[PLACE[0], 1].committed()] == [b"elsewhere"]


def test_an_abort_that_comes_late_takes_back_the_beginning_of_the_next_transaction(writer: Writer) -> None:
    writer.begin(b"1")
    writer.injector.hold = ApiKey.END, NetworkFault.RESENT
    writer.producer.abort_transaction()
    writer.begin(b"2")
    writer.injector.come()
    with pytest.raises(KafkaException) as caught:
        writer.producer.commit_transaction()
    assert caught.value.args[0].code() == KafkaError.INVALID_TXN_STATE
    assert writer.visible() == []


def test_an_end_of_an_older_epoch_is_refused(writer: Writer) -> None:
    end_kept(writer)
    writer.producer = writer.another()
    writer.begin(b"3", offset=3)
    with pytest.raises(KafkaException) as caught:
        writer.injector.come()
    assert is_fenced(caught.value.args[0])
    assert (writer.visible(), writer.offset()) == ([b"1"], 1)
    writer.producer.commit_transaction()
    assert (writer.visible(), writer.offset()) == ([b"1", b"3"], 3)


def test_an_end_that_comes_twice_or_when_nothing_is_open_changes_nothing(writer: Writer) -> None:
    writer.begin(b"1")
    writer.injector.hold = ApiKey.END, NetworkFault.DOUBLED
    writer.producer.commit_transaction()
    writer.injector.come()
    writer.injector.come()
    assert writer.visible() == [b"1"]
    writer.begin(b"2")
    writer.producer.commit_transaction()
    assert writer.visible() == [b"1", b"2"]


def test_a_patient_call_hears_nothing_and_the_log_tells_two_answers(writer: Writer) -> None:
    end_kept(writer)
    writer.producer.poll(0)
    assert writer.lines.errors() == ["_TRANSPORT", "NO_ERROR"]
    assert "FAIL" in writer.lines.facilities


@pytest.mark.parametrize("more", sorted(set(TIMEOUTS_BEFORE_RESEND)))
def test_a_call_that_times_out_may_be_made_again_and_the_log_tells_two_answers(writer: Writer, more: int) -> None:
    writer.producer.chance = cast(Any, type("Fixed", (), {"choice": lambda _, seq: more, "random": lambda _: 0.9})())
    writer.begin(offset=1)
    writer.injector.hold = ApiKey.END, NetworkFault.TIMED_OUT
    for _ in range(1 + more):
        with pytest.raises(KafkaException) as caught:
            writer.producer.commit_transaction()
        assert caught.value.args[0].retriable()
        writer.producer.poll(0)
        assert writer.lines.ends == []
    writer.producer.commit_transaction()
    writer.producer.poll(0)
    assert writer.lines.errors() == ["_TIMED_OUT", "NO_ERROR"]
    assert "REQTMOUT" in writer.lines.facilities
    assert writer.offset() == 1


def test_without_a_logger_nothing_is_written(writer: Writer) -> None:
    producer = SimProducer(writer.broker, writer.injector, Random(1), {"transactional.id": NAME})
    producer.init_transactions()
    writer.producer = producer
    end_kept(writer)
    producer.poll(0)
    assert writer.lines.facilities == set()


def test_a_registration_that_comes_late_begins_a_transaction_that_the_broker_ends_in_time(writer: Writer) -> None:
    writer.injector.hold = ApiKey.ADD_PARTITIONS, NetworkFault.RESENT
    writer.begin(b"1")
    writer.producer.commit_transaction()
    writer.broker.settle()
    writer.injector.come()
    assert [one.owner for one in writer.broker.unsettled] == [NAME]
    writer.broker.expire(NAME)
    writer.begin(b"2")
    with pytest.raises(KafkaException) as caught:
        writer.producer.commit_transaction()
    assert is_fenced(caught.value.args[0])
    assert writer.visible() == [b"1"]
    assert writer.broker.unsettled == []


def test_offsets_that_come_late_overwrite_those_of_the_next_transaction(writer: Writer) -> None:
    writer.injector.hold = ApiKey.TXN_OFFSETS, NetworkFault.RESENT
    writer.begin(offset=1)
    writer.producer.commit_transaction()
    with pytest.raises(KafkaException):
        writer.injector.come()  # nothing is open
    writer.begin(offset=2)
    writer.injector.come()
    writer.producer.commit_transaction()
    assert writer.offset() == 1
    writer.producer = writer.another()
    writer.begin(offset=3)
    with pytest.raises(KafkaException):
        writer.injector.come()  # of an older epoch
    writer.producer.commit_transaction()
    assert writer.offset() == 3


def test_offsets_that_are_not_answered_leave_a_transaction_to_be_aborted(writer: Writer) -> None:
    writer.injector.hold = ApiKey.TXN_OFFSETS, NetworkFault.GIVEN_UP
    with pytest.raises(KafkaException) as caught:
        writer.begin(offset=1)
    assert caught.value.args[0].txn_requires_abort()
    writer.producer.abort_transaction()
    assert writer.lines.errors() == []
    writer.producer.poll(0)
    assert writer.lines.errors() == ["NO_ERROR"]
    assert "REQTMOUT" in writer.lines.facilities


def test_an_initialisation_that_comes_late_fences_who_was_initialised(writer: Writer) -> None:
    writer.injector.hold = ApiKey.INIT, NetworkFault.RESENT
    writer.producer = writer.another()
    writer.begin(b"1")
    writer.injector.come()
    with pytest.raises(KafkaException) as caught:
        writer.producer.commit_transaction()
    assert is_fenced(caught.value.args[0])
    assert writer.visible() == []


def test_offsets_outside_transactions_that_come_late_go_back_within_one_generation(writer: Writer) -> None:
    injector = Holding()
    member = SimConsumer(writer.broker, injector, Random(1), {"group.id": GROUP})
    member.subscribe([PLACE[0]])
    for _ in range(3):
        member.consume(1, 0.0)
    injector.hold = ApiKey.OFFSETS, NetworkFault.RESENT
    for offset in (1, 2):
        member.commit([TopicPartition(*PLACE, offset)], asynchronous=False)
    injector.come()
    assert writer.offset() == 1
    member.commit([TopicPartition(*PLACE, 3)], asynchronous=False)
    writer.broker.group(GROUP).join("", "", (PLACE[0],))  # a rebalance, and another generation
    member.consume(1, 0.0)
    with pytest.raises(KafkaException):
        injector.come()
    assert writer.offset() == 3


def test_the_network_hands_over_in_time_and_behind_what_is_waited_for() -> None:
    come: list[str] = []
    due: list[int] = []
    network = Network(due.append, lambda delayed_request, answer: come.append(f"{delayed_request.owner} {answer}"))
    network.delay(DelayedRequest(ApiKey.END, "soon", lambda: None, steps=5), now=10)
    network.delay(DelayedRequest(ApiKey.END, "behind", lambda: None, ApiKey.ADD_OFFSETS, steps=2), now=10)
    network.deliver(14)
    assert (come, network.next_due) == ([], 15)
    network.on_request(ApiKey.ADD_OFFSETS, "another", 15)
    network.on_request(ApiKey.END, "behind", 15)
    network.deliver(15)
    assert (come, network.next_due) == (["soon accepted"], 0)
    network.on_request(ApiKey.ADD_OFFSETS, "behind", 20)
    assert network.next_due == 22
    network.deliver(22)
    network.deliver(23)
    assert come == ["soon accepted", "behind accepted"]
    assert due == [5, 2]


@pytest.mark.parametrize("kind", [ApiKey.ADD_PARTITIONS, ApiKey.ADD_OFFSETS])
def test_a_transaction_that_a_late_request_began_is_over_when_the_run_is(kind: ApiKey) -> None:
    late = [Fault("held", "labeler-0", at, kind, "sent", NetworkFault.RESENT, 1, ApiKey.END) for at in range(8, 40)]
    # One that sees lets none begin a transaction.
    (blind,) = (one for one in mutants.MUTANTS if one.method == "write_line")
    with blind.apply(), patch.object(runs, "expire_in_time", lambda *_: None):
        last = next(fault for fault in late if "no_open_transactions: " in runs.run(0, [fault]).reason)
    assert runs.run(0, [last]).failure == ""


def test_each_request_is_drawn_in_each_way() -> None:
    drawn = {
        (fault.effect, fault.how) for seed in range(3000) for fault in runs.faults_of(seed) if fault.kind == "held"
    }
    assert drawn == {(request, how) for request, hows in fault_plan.NETWORK_FAULTS.items() for how in hows}
