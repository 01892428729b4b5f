"""What the transactional loop does when its consumer dies, or another process may have its name."""

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.unit.runtime.loops import Initialised, NeverTaken, Recording, Refusing, at_once, loop, run_times, seconds
from tests.unit.runtime.values import error
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.transaction_policy import TransactionPolicy


class Losing:
    """A consumer that tells of a lost assignment. What is raised there is no exception any more when it comes out."""

    def subscribe(self, _: list[str], **callbacks: Callable[[object, list[TopicPartition]], None]) -> None:
        self.on_lost = callbacks["on_lost"]

    def consume(self, *_: object) -> list[object]:
        try:
            self.on_lost(self, [])
        except BaseException as failure:
            pytest.fail(f"it left the callback: {failure!r}")
        return []


class LosingAndDead(Losing):
    """One that learns in the same call that its name is taken: its last word comes with the lost assignment."""

    def consume(self, *arguments: object) -> list[object]:
        super().consume(*arguments)
        words = "Fatal error: Broker: Static consumer fenced by other consumer with same group.instance.id"
        return [SimpleNamespace(error=lambda: KafkaError(KafkaError._FATAL, words))]

    closed = False

    def unassign(self) -> None: ...

    def close(self) -> None:
        self.closed = True


class LosingAndRefused(Losing):
    """One that learns in the same call that there is no such topic, which is told once."""

    def consume(self, *arguments: object) -> list[object]:
        super().consume(*arguments)
        return [SimpleNamespace(error=lambda: KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, "no topic ticks"))]

    def unassign(self) -> None: ...


def test_an_error_that_does_not_pass_is_heard_with_a_lost_assignment_and_told_in_a_line() -> None:
    one = loop(Initialised(), lambda: 0.0, lambda: None, LosingAndRefused(), processor=NeverTaken())
    with pytest.raises(FatalError, match=r"Kafka cannot be used \(UNKNOWN_TOPIC_OR_PART\): no topic ticks"):
        one.run(threading.Event())


class Heir:
    """The consumer after a dead one."""

    joined = False

    def subscribe(self, *_: object, **callbacks: object) -> None:
        self.joined = True


def test_a_last_word_that_comes_with_a_lost_assignment_is_heard_and_a_new_consumer_joins() -> None:
    dead, heir = LosingAndDead(), Heir()
    one = loop(Initialised(), lambda: 0.0, lambda: None, dead, heir, **at_once())
    one.start()
    one.run_once()
    assert dead.closed
    assert heir.joined


def test_one_whose_consumer_died_for_another_of_its_name_ends() -> None:
    one = loop(Initialised(), seconds(), lambda: None, LosingAndDead(), foreign_times=100, **at_once())
    one.start()
    with pytest.raises(FatalError, match="another labeler with the same name has taken over"):
        one.run_once()


class Dying(LosingAndDead):
    """One that is of no use from the first call on."""

    def consume(self, *arguments: object) -> list[object]:
        words = "no more"
        return [SimpleNamespace(error=lambda: KafkaError(KafkaError._FATAL, words))]


def test_consumers_that_die_one_after_the_other_are_given_up_in_their_words() -> None:
    producer = Refusing()
    one = loop(producer, lambda: producer.now_s, lambda: None, *(Dying() for _ in range(1000)), **at_once())
    one.start()
    with pytest.raises(FatalError, match="no transaction succeeds any more: no more"):
        run_times(one, 1000)
    assert 30.0 <= producer.now_s < 32.0


class LosingAfterOne(Losing):
    """One that tells of it once it has given a record."""

    given = False

    def consume(self, *arguments: object) -> list[object]:
        if self.given:
            return super().consume(*arguments)
        self.given = True
        return [SimpleNamespace(error=lambda: None)]


def test_one_that_finds_its_name_taken_as_it_loses_its_partitions_says_so_and_fences_nobody() -> None:
    producer = Recording()
    open_for_ever = TransactionPolicy(interval_s=1e9, records_max=1000, retry_limit_s=60.0)
    one = loop(
        *(producer, seconds(), lambda: None, LosingAfterOne()),
        foreign_times=100,
        processor=NeverTaken(),
        policy=open_for_ever,
    )
    with pytest.raises(FatalError, match="another labeler with the same name has taken over"):
        one.run(threading.Event())
    assert producer.calls.count("init_transactions") == 2, "the test's own and the one at its start"


class Fenced(Recording):
    """A producer whose offsets the group refuses once, as from a member that was replaced."""

    refused = False

    def poll(self, _: float) -> None: ...

    def send_offsets_to_transaction(self, *_: object) -> None:
        self.calls.append("send_offsets")
        if not self.refused:
            self.refused = True
            raise KafkaException(error(KafkaError.FENCED_INSTANCE_ID, abort=True))


def test_one_that_the_group_refuses_though_it_knows_no_other_by_its_name_goes_on() -> None:
    producer = Fenced()
    one = loop(producer, seconds(), lambda: None, Recording(), **at_once())
    run_times(one, 2)
    assert producer.calls.count("send_offsets") == 2
    assert producer.calls.count("commit_transaction") == 1


def test_one_that_the_group_refuses_for_what_is_left_of_itself_waits_until_that_is_gone() -> None:
    """A client that lost its session was given a member id again, of which it did not hear."""
    producer = Fenced()
    one = loop(producer, seconds(), lambda: None, Recording(), foreign_times=3, **at_once())
    run_times(one, 2)
    assert producer.calls.count("commit_transaction") == 1


def test_how_long_the_group_did_not_answer_says_nothing_of_who_has_the_name() -> None:
    """A broker that was away for more than a session still knows the member that was ours."""
    producer, now_s = Fenced(), seconds()
    one = loop(producer, lambda: 10 * now_s(), lambda: None, Recording(), foreign_times=1, **at_once())
    run_times(one, 2)
    assert producer.calls.count("commit_transaction") == 1


def test_one_that_the_group_refuses_for_another_of_its_name_ends() -> None:
    one = loop(Fenced(), seconds(), lambda: None, Recording(), foreign_times=100, **at_once())
    with pytest.raises(FatalError, match="another labeler with the same name has taken over"):
        run_times(one, 1)


class Unassigned(Recording):
    """A consumer that gives a record, and whose client has lost its partitions since."""

    def committed(self, *_: object) -> list[TopicPartition]:
        return []

    def seek(self, _: TopicPartition) -> None:
        raise KafkaException(error(KafkaError._STATE))


class HeldOnce(NeverTaken):
    """Work that is to be done again from some offset."""

    def on_assigned(self, *_: object) -> dict[tuple[str, int], int]:
        return {("a", 0): 7}


def test_one_whose_consumer_cannot_go_back_goes_on_with_a_new_one() -> None:
    heir = Heir()
    one = loop(Fenced(), seconds(), lambda: None, Unassigned(), heir, **{**at_once(), "processor": HeldOnce()})
    one.run_once()
    assert heir.joined
