"""What the transactional loop does when calls fail, hang or break off, and which assignments are refused."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.unit.runtime.values import error, policy
from tidewheel.runtime import hang_guard
from tidewheel.runtime.hang_guard import ClientHung
from tidewheel.runtime.process import Unusable
from tidewheel.runtime.static_member import co_partitions
from tidewheel.runtime.transaction_policy import LeftOpen, Policy
from tidewheel.runtime.transactional import TransactionalLoop
from tidewheel.runtime.transactional_producer import TransactionalProducer


def parts(topic: str, *partitions: int) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for partition in partitions]


def test_the_same_partitions_of_both_topics_are_taken() -> None:
    assert co_partitions(("a", "b"), parts("b", 3, 1) + parts("a", 1, 3)) == [1, 3]
    assert co_partitions(("a", "b"), []) == []


@pytest.mark.parametrize("assigned", [parts("a", 1), parts("a", 1) + parts("b", 2), parts("a", 1, 2) + parts("b", 2)])
def test_other_assignments_are_refused(assigned: list[TopicPartition]) -> None:
    with pytest.raises(Unusable, match="different partitions of topics that belong together"):
        co_partitions(("a", "b"), assigned)


class Offsets:
    """A producer whose call for offsets comes back when it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.came_back = threading.Event()

    def init_transactions(self, _: float) -> None: ...

    def poll(self, _: float) -> None: ...

    def send_offsets_to_transaction(self, *_: object) -> None:
        self.let_go.wait(10)
        self.came_back.set()


@pytest.fixture
def offsets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Offsets]:
    monkeypatch.setattr(hang_guard, "TURN_WAIT_S", 0.01)
    monkeypatch.setattr(hang_guard, "HUNG_LIMIT_S", 0.1)
    made = Offsets()
    yield made
    made.let_go.set()
    assert made.came_back.wait(10)


class Place:
    """A static member whose consumers are given, one after the other; so often the group knows a stranger by its
    name."""

    session_s = 6.0

    def __init__(self, *consumers: object, stranger_times: int = 0) -> None:
        self._consumers = list(consumers)
        self._stranger_times = stranger_times

    def consumer(self) -> object:
        return self._consumers.pop(0)

    def assigned(self) -> None: ...

    def stranger(self, limit_s: float) -> str | None:
        self._stranger_times -= 1
        return "another one" if self._stranger_times >= 0 else None


def seconds() -> Callable[[], float]:
    """A clock that goes on by a second each time it is looked at."""
    now_s = count()
    return lambda: float(next(now_s))


def loop(
    producer: object,
    clock: Callable[[], float],
    on_turn: Callable[[], None],
    *consumers: object,
    stranger_times: int = 0,
    **more: Any,
) -> TransactionalLoop:
    """Of a producer that is initialised, unless that fails."""
    made = TransactionalProducer(lambda _: producer)  # type: ignore[arg-type,return-value]
    with suppress(KafkaException):
        made.renew(1.0)
    place: Any = Place(*(consumers or (None,)), stranger_times=stranger_times)
    told = {"service": "labeler", "log": logging.getLogger("test"), "clock": clock, "on_turn": on_turn}
    told |= {"work": SimpleNamespace(), "policy": policy(), **more}
    return TransactionalLoop(place, made, ["a"], **told)


def test_a_client_that_hangs_is_given_up(offsets: Offsets) -> None:
    turns: list[None] = []
    with pytest.raises(ClientHung, match="has hung for 0 s"):
        loop(offsets, lambda: 0.0, lambda: turns.append(None))._send_offsets([], None, 1.0)
    assert len(turns) > 5, "it showed that it lives"


def test_a_client_that_hangs_is_left_when_asked_to_stop(offsets: Offsets) -> None:
    now_s = iter(range(10**6))
    one = loop(offsets, lambda: float(next(now_s)), lambda: None)
    one._patience.stop.set()
    with pytest.raises(LeftOpen):
        one._send_offsets([], None, 1.0)


def test_a_process_that_stood_still_meanwhile_does_not_blame_the_client(offsets: Offsets) -> None:
    now_s = iter(range(0, 10**6, 100))
    loop(offsets, lambda: float(next(now_s)), offsets.let_go.set)._send_offsets([], None, 1.0)
    assert offsets.let_go.is_set()


class Losing:
    """A consumer that tells of a lost assignment. What is raised there is no exception any more when it comes out."""

    def subscribe(self, _: list[str], **told: Callable[[object, list[TopicPartition]], None]) -> None:
        self.on_lost = told["on_lost"]

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
    one = loop(Initialised(), lambda: 0.0, lambda: None, LosingAndRefused())
    one._work.drop = lambda: None  # type: ignore[attr-defined]
    with pytest.raises(Unusable, match=r"Kafka cannot be used \(UNKNOWN_TOPIC_OR_PART\): no topic ticks"):
        one.run(threading.Event())


class Away:
    """A producer of a broker that does not answer; the process is asked to stop meanwhile."""

    def __init__(self, stop: threading.Event) -> None:
        self.tries = 0
        self._stop = stop

    def init_transactions(self, _: float) -> None:
        self.tries += 1
        raise KafkaException(error(KafkaError._TIMED_OUT, retriable=True))

    def poll(self, _: float) -> None:
        self._stop.set()


def test_one_that_is_asked_to_stop_while_kafka_is_away_ends_soon_and_cleanly() -> None:
    stop = threading.Event()
    producer, now_s = Away(stop), iter(range(10**6))
    loop(producer, lambda: float(next(now_s)), lambda: None).run(stop)
    assert producer.tries < 5, "far from a minute"


class Heir:
    """The consumer after a dead one."""

    joined = False

    def subscribe(self, *_: object, **told: object) -> None:
        self.joined = True


def test_a_last_word_that_comes_with_a_lost_assignment_is_heard_and_a_new_consumer_joins() -> None:
    dead, heir = LosingAndDead(), Heir()
    one = loop(Initialised(), lambda: 0.0, lambda: None, dead, heir, **at_once())
    one.start()
    one.turn()
    assert dead.closed
    assert heir.joined


def test_one_whose_consumer_died_for_another_of_its_name_ends() -> None:
    one = loop(Initialised(), seconds(), lambda: None, LosingAndDead(), stranger_times=100, **at_once())
    one.start()
    with pytest.raises(Unusable, match="another labeler with the same name has taken over"):
        one.turn()


class Dying(LosingAndDead):
    """One that is of no use from the first call on."""

    def consume(self, *arguments: object) -> list[object]:
        words = "no more"
        return [SimpleNamespace(error=lambda: KafkaError(KafkaError._FATAL, words))]


def test_consumers_that_die_one_after_the_other_are_given_up_in_their_words() -> None:
    producer = Refusing()
    one = loop(producer, lambda: producer.now_s, lambda: None, *(Dying() for _ in range(1000)), **at_once())
    one.start()
    with pytest.raises(Unusable, match="no transaction succeeds any more: no more"):
        turned(one, 1000)
    assert 30.0 <= producer.now_s < 32.0


class Initialised:
    """A producer of which no more is wanted."""

    def init_transactions(self, _: float) -> None: ...

    def poll(self, _: float) -> None: ...


class Talkative(Initialised):
    """One whose broker is away: there is always a line to come before the wait is over."""

    polls = 0

    def poll(self, wait_s: float) -> int:  # type: ignore[override]
        self.polls += 1
        return int(wait_s > 0)


def test_a_client_that_never_stops_telling_is_not_waited_for() -> None:
    """A labeler that waited until it did was deaf for as long as the broker was away."""
    client = Talkative()
    producer = TransactionalProducer(lambda _: client)  # type: ignore[arg-type,return-value]
    producer.renew(1.0)
    producer.wait(0.1)
    assert client.polls < 20


def test_one_that_finds_its_name_taken_as_it_loses_its_partitions_says_so_and_fences_nobody() -> None:
    producer = Recording()
    one = loop(producer, seconds(), lambda: None, Losing(), stranger_times=100)
    one._begin()
    with pytest.raises(Unusable, match="another labeler with the same name has taken over"):
        one.run(threading.Event())
    assert producer.calls.count("init_transactions") == 2, "the test's own and the one at its start"


class Recording:
    """A producer, or a consumer with one record and no news of the group; remembers the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*_: object) -> object:
            self.calls.append(name)
            return [SimpleNamespace(error=lambda: None)] if name == "consume" else None

        return call


class BreaksOff:
    """Work that cannot go on in the middle of a batch."""

    def process(self, messages: object) -> None:
        raise Unusable("no further")

    def complete(self) -> dict[tuple[str, int], object]:
        return {}

    def committed(self) -> None:
        pass

    def drop(self) -> None:
        pass


def test_a_batch_that_broke_off_is_never_committed() -> None:
    producer, consumer = Recording(), Recording()
    one = loop(producer, lambda: 0.0, lambda: None, consumer)
    one._work = BreaksOff()  # type: ignore[assignment]
    with pytest.raises(Unusable, match="no further"):
        one.turn()
    one._on_revoke(consumer, [])  # type: ignore[arg-type]  # as a client does that is let go of
    assert "commit_transaction" not in producer.calls


class NeverTaken(BreaksOff):
    """Work that is done, and of which a record is never taken."""

    def process(self, messages: object) -> None: ...

    def restore(self, *_: object) -> dict[tuple[str, int], int]:
        return {}

    def held_back(self) -> tuple[()]:
        return ()


def at_once() -> dict[str, Any]:
    """Each record is committed at once; calls are made where they stand."""
    policy = Policy(interval_s=0.0, records_max=1, retry_limit_s=30.0)
    return {"work": NeverTaken(), "policy": policy, "guard": lambda call, _: call()}


class Refusing(Recording):
    """A producer whose every transaction must be aborted, as where one may not write to a topic. Waiting takes time."""

    now_s = 0.0

    def poll(self, wait_s: float) -> None:
        self.now_s += wait_s

    def commit_transaction(self, _: float) -> None:
        raise KafkaException(error(KafkaError.TOPIC_AUTHORIZATION_FAILED, abort=True))


def turned(one: TransactionalLoop, times: int) -> None:
    for _ in range(times):
        one.turn()


def test_what_fails_anew_each_time_is_given_up_in_its_words() -> None:
    producer, turns = Refusing(), list[None]()
    one = loop(producer, lambda: producer.now_s, lambda: turns.append(None), Recording(), **at_once())
    with pytest.raises(Unusable, match="no transaction succeeds any more: words"):
        turned(one, 1000)
    assert 30.0 <= producer.now_s < 32.0
    assert len(turns) == producer.calls.count("init_transactions") - 1, "it shows that it lives"


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
    turned(one, 2)
    assert producer.calls.count("send_offsets") == 2
    assert producer.calls.count("commit_transaction") == 1


def test_one_that_the_group_refuses_for_what_is_left_of_itself_waits_until_that_is_gone() -> None:
    """A client that lost its session was given a member id again, of which it did not hear."""
    producer = Fenced()
    one = loop(producer, seconds(), lambda: None, Recording(), stranger_times=3, **at_once())
    turned(one, 2)
    assert producer.calls.count("commit_transaction") == 1


def test_one_that_the_group_refuses_for_another_of_its_name_ends() -> None:
    one = loop(Fenced(), seconds(), lambda: None, Recording(), stranger_times=100, **at_once())
    with pytest.raises(Unusable, match="another labeler with the same name has taken over"):
        turned(one, 1)
