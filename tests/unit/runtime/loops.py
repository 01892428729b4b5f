"""Transactional loops on clients of a test."""

import logging
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from tests.unit.runtime.values import error, policy
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.transaction_policy import TransactionPolicy
from tidewheel.runtime.transactional_loop import TransactionalLoop
from tidewheel.runtime.transactional_producer import TransactionalProducer


class StubMember:
    """A static member whose consumers are given, one after the other; so often the group knows a stranger by its
    name."""

    session_s = 6.0

    def __init__(self, *consumers: object, foreign_times: int = 0) -> None:
        self._consumers = list(consumers)
        self._stranger_times = foreign_times

    def consumer(self) -> object:
        return self._consumers.pop(0)

    def assigned(self) -> None: ...

    def foreign_member(self, limit_s: float) -> str | None:
        self._stranger_times -= 1
        return "another one" if self._stranger_times >= 0 else None


def seconds() -> Callable[[], float]:
    """A clock that goes on by a second each time it is looked at."""
    now_s = count()
    return lambda: float(next(now_s))


def loop(
    producer: object,
    clock: Callable[[], float],
    heartbeat: Callable[[], None],
    *consumers: object,
    foreign_times: int = 0,
    heir: object = None,
    **more: Any,
) -> TransactionalLoop:
    """Of a producer that is initialised, unless that fails; `heir`: the one that is made after it, else the same."""
    clients = iter((producer,))
    made = TransactionalProducer(lambda _: next(clients, heir or producer))  # type: ignore[arg-type,return-value]
    with suppress(KafkaException):
        made.renew(1.0)
    place: Any = StubMember(*(consumers or (None,)), foreign_times=foreign_times)
    arguments = {"service": "labeler", "log": logging.getLogger("test"), "clock": clock, "heartbeat": heartbeat}
    arguments |= {"processor": SimpleNamespace(), "policy": policy(), **more}
    return TransactionalLoop(place, made, ["a"], **arguments)


class Initialised:
    """A producer of which no more is wanted."""

    def init_transactions(self, _: float) -> None: ...

    def poll(self, _: float) -> None: ...


class Recording:
    """A producer, or a consumer with one record and no news of the group; remembers the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*_: object) -> object:
            self.calls.append(name)
            return [SimpleNamespace(error=lambda: None)] if name == "consume" else None

        return call


class Revoking(Recording):
    """A consumer with one record, which tells of revoked partitions when it is asked to."""

    def subscribe(self, _: list[str], **callbacks: Callable[..., None]) -> None:
        self.on_revoke = callbacks["on_revoke"]


class BreaksOff:
    """Work that cannot go on in the middle of a batch."""

    def process(self, messages: object) -> None:
        raise FatalError("no further")

    def checkpoint(self) -> dict[tuple[str, int], object]:
        return {}

    def on_committed(self) -> None:
        pass

    def on_revoked(self) -> None:
        pass


class NeverTaken(BreaksOff):
    """Work that is done, and of which a record is never taken."""

    def process(self, messages: object) -> None: ...

    def on_assigned(self, *_: object) -> dict[tuple[str, int], int]:
        return {}

    def paused(self) -> tuple[()]:
        return ()


def at_once() -> dict[str, Any]:
    """Each record is committed at once; calls are made where they stand."""
    policy = TransactionPolicy(interval_s=0.0, records_max=1, retry_limit_s=30.0)
    return {"processor": NeverTaken(), "policy": policy, "watchdog": lambda call, _: call()}


class Refusing(Recording):
    """A producer whose every transaction must be aborted, as where one may not write to a topic. Waiting takes time."""

    now_s = 0.0

    def poll(self, wait_s: float) -> None:
        self.now_s += wait_s

    def commit_transaction(self, _: float) -> None:
        raise KafkaException(error(KafkaError.TOPIC_AUTHORIZATION_FAILED, abort=True))


def run_times(one: TransactionalLoop, times: int) -> None:
    for _ in range(times):
        one.run_once()
