"""What the transactional loop does when calls fail, hang or break off, and which assignments are refused."""

import threading
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.unit.runtime.loops import BreaksOff, Initialised, Recording, Refusing, Revoking, at_once, loop, run_times
from tests.unit.runtime.values import error
from tidewheel.runtime import watchdog
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.static_member import co_partitions
from tidewheel.runtime.transactional_loop import TransactionalLoop
from tidewheel.runtime.transactional_producer import TransactionalProducer


def parts(topic: str, *partitions: int) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for partition in partitions]


def test_the_same_partitions_of_both_topics_are_taken() -> None:
    assert co_partitions(("a", "b"), parts("b", 3, 1) + parts("a", 1, 3)) == [1, 3]
    assert co_partitions(("a", "b"), []) == []


@pytest.mark.parametrize("assigned", [parts("a", 1), parts("a", 1) + parts("b", 2), parts("a", 1, 2) + parts("b", 2)])
def test_other_assignments_are_refused(assigned: list[TopicPartition]) -> None:
    with pytest.raises(FatalError, match="different partitions of topics that belong together"):
        co_partitions(("a", "b"), assigned)


class Offsets(Recording):
    """A producer whose call for offsets comes back when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()
        self.came_back = threading.Event()

    def poll(self, _: float) -> None: ...

    def send_offsets_to_transaction(self, *_: object) -> None:
        self.let_go.wait(10)
        self.came_back.set()


@pytest.fixture
def offsets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Offsets]:
    monkeypatch.setattr(watchdog, "HEARTBEAT_EVERY_S", 0.01)
    monkeypatch.setattr(watchdog, "HUNG_LIMIT_S", 0.1)
    made = Offsets()
    yield made
    made.let_go.set()
    assert made.came_back.wait(10)


def committing(
    producer: object, clock: Callable[[], float], heartbeat: Callable[[], None], heir: object = None
) -> TransactionalLoop:
    """One that commits each record, and makes its calls of clients on a thread."""
    watched = {**at_once(), "watchdog": watchdog.call_with_watchdog}
    return loop(producer, clock, heartbeat, Revoking(), heir=heir, **watched)


def test_a_client_that_hangs_is_given_up_and_its_work_done_again_on_another(offsets: Offsets) -> None:
    turns, heir = list[None](), Recording()
    one = committing(offsets, lambda: 0.0, lambda: turns.append(None), heir)
    run_times(one, 2)
    assert "commit_transaction" not in offsets.calls
    assert heir.calls.count("commit_transaction") == 1
    assert len(turns) > 5, "it showed that it lives"


def test_a_client_that_hangs_is_left_when_asked_to_stop(offsets: Offsets, caplog: pytest.LogCaptureFixture) -> None:
    now_s, stop = iter(range(10**6)), threading.Event()
    one = committing(offsets, lambda: float(next(now_s)), stop.set)
    one.run(stop)
    assert "stopping though" in caplog.text
    assert "commit_transaction" not in offsets.calls


def test_a_process_that_stood_still_meanwhile_does_not_blame_the_client(offsets: Offsets) -> None:
    now_s = iter(range(0, 10**6, 100))
    committing(offsets, lambda: float(next(now_s)), offsets.let_go.set).run_once()
    assert offsets.calls.count("commit_transaction") == 1


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


def test_a_batch_that_broke_off_is_never_committed() -> None:
    producer, consumer = Recording(), Revoking()
    one = loop(producer, lambda: 0.0, lambda: None, consumer, processor=BreaksOff())
    one.start()
    with pytest.raises(FatalError, match="no further"):
        one.run_once()
    consumer.on_revoke(consumer, [])  # as a client does that is let go of
    assert consumer.calls[-1] == "unassign", "it was listened to"
    assert "commit_transaction" not in producer.calls


def test_what_fails_anew_each_time_is_given_up_in_its_words() -> None:
    producer, turns = Refusing(), list[None]()
    one = loop(producer, lambda: producer.now_s, lambda: turns.append(None), Recording(), **at_once())
    with pytest.raises(FatalError, match="no transaction succeeds any more: words"):
        run_times(one, 1000)
    assert 30.0 <= producer.now_s < 32.0
    assert len(turns) == producer.calls.count("init_transactions") - 1, "it shows that it lives"
