"""What becomes of a client whose call does not come back."""

import threading
import weakref
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException

from tests.waiting import LIMIT_S, eventually
from tidewheel.runtime.transactional_producer import TransactionalProducer


class Client:
    """One that hangs in its first call, if it is to, until it is released."""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs, self.polls = hangs, 0
        self.called, self.released = threading.Event(), threading.Event()
        self.on_init: Callable[[], object] = lambda: None

    def init_transactions(self, _limit_s: float) -> None:
        self.on_init()

    def send_offsets_to_transaction(self, *_: object) -> None:
        self.called.set()
        if self.hangs:
            assert self.released.wait(LIMIT_S)

    def poll(self, wait_s: float) -> int:
        self.polls += 1
        self.released.wait(wait_s)
        raise KafkaException(KafkaError(KafkaError._FATAL))


def after_renewal(*, hangs: bool) -> tuple[Client, threading.Thread]:
    """A client that was replaced, amid a call or after it, and the thread of that call."""
    first = Client(hangs=hangs)
    clients = iter((first, Client(hangs=False)))
    producer = TransactionalProducer(lambda _: next(clients))  # type: ignore[arg-type,return-value]
    producer.renew(1.0)
    calling = threading.Thread(target=lambda: producer.send_offsets([], None, 1.0), daemon=True)
    calling.start()
    assert first.called.wait(LIMIT_S)
    if not hangs:
        calling.join()
    first.polls = 0
    producer.renew(1.0)
    return first, calling


def drainers() -> int:
    return sum(thread.name == "hung-client" for thread in threading.enumerate())


def test_the_log_of_one_that_hangs_is_heard_until_its_call_comes_back() -> None:
    client, calling = after_renewal(hangs=True)
    eventually(lambda: client.polls > 1, "what it logs is heard, whatever it raises")
    client.released.set()
    calling.join()
    eventually(lambda: drainers() == 0, "then it is let go of")


def test_one_that_came_back_is_let_go_of_at_once() -> None:
    client, _ = after_renewal(hangs=False)
    assert (client.polls, drainers()) == (0, 0)


def test_the_one_before_is_freed_when_its_successor_is_initialised() -> None:
    """Freed amid the registration of a partition, as just after a record, it takes the process with it."""
    first, second, third = (Client(hangs=False) for _ in range(3))
    freed = weakref.ref(first)
    clients = [third, second, first]
    producer = TransactionalProducer(lambda _: clients.pop())  # type: ignore[arg-type,return-value]
    producer.renew(1.0)
    del first
    there = list[bool]()

    def fail() -> None:
        there.append(freed() is not None)
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    second.on_init, third.on_init = fail, lambda: there.append(freed() is not None)
    with pytest.raises(KafkaException):
        producer.renew(1.0)
    producer.renew(1.0)
    assert (there, freed()) == ([True, True], None)
