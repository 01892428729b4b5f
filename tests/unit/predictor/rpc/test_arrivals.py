"""Calls that wait for their message outside of threads, over a real connection."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from services.predictor.rpc.arrivals import LARGE_BYTES, LARGE_MAX, Arrivals
from services.predictor.rpc.call_slots import CallSlots
from services.predictor.rpc.callers import Callers
from services.predictor.rpc.methods import Methods, UnaryCall
from services.predictor.rpc.pool import CallPool
from tests.hostile_callers import held_calls
from tests.predictors import metric_value
from tests.waiting import LIMIT_S, eventually

NAME = "/test.Service/Ask"
SLOTS = 3


@contextmanager
def served(answer: Callable[[bytes], bytes], slots: CallSlots, threads: int = 1) -> Iterator[tuple[Any, int]]:
    """A method of a server with few threads, and its port."""
    arrivals = Arrivals(slots)
    pool = CallPool("arriving", threads, arrivals=arrivals)
    call = UnaryCall("Ask", answer, Callers(slots, CallSlots(100, LIMIT_S)), pool, logging.getLogger("test"))
    server = grpc.server(pool, (Methods({NAME: call.method()}, CallPool("refusing", 1)),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel.unary_unary(NAME), port
    server.stop(None).wait(LIMIT_S)
    pool.close()


def test_who_sends_no_message_holds_no_thread() -> None:
    slots = CallSlots(SLOTS, LIMIT_S)
    with served(bytes.upper, slots) as (ask, port):
        assert ask(b"a", timeout=LIMIT_S) == b"A"
        with held_calls(port, NAME, SLOTS - 1, connections=1) as calls:
            eventually(lambda: len(slots) == SLOTS - 1, "they wait, more than there are threads")
            assert ask(b"b", timeout=LIMIT_S) == b"B"
            assert not any(call.done() for call in calls)
        eventually(lambda: len(slots) == 0, "their slots are free again")


def test_where_all_seats_are_taken_a_call_waits_in_its_thread() -> None:
    slots = CallSlots(1, LIMIT_S)
    with served(bytes.upper, slots) as (ask, port), held_calls(port, NAME, 1, connections=1):
        eventually(lambda: len(slots) == 1, "the only slot is taken")
        assert ask(b"a", timeout=LIMIT_S) == b"A"


def test_a_call_that_ends_without_its_message_is_refused() -> None:
    slots = CallSlots(SLOTS, LIMIT_S)
    with served(bytes.upper, slots) as (_, port), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.stream_unary(NAME)(iter(()), timeout=LIMIT_S)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        before = ended()
        with held_calls(port, NAME, 1, connections=1):
            eventually(lambda: len(slots) == 1, "it waits")
        # As which of the two it is counted is chance: grpc may tell that there is no message before it tells why.
        eventually(lambda: ended() == before + 1, "one that the caller gave up leaves its place")


def ended() -> float:
    return sum(metric_value("tidewheel_rpcs_total", method="Ask", code=code) for code in ("CANCELLED", "UNIMPLEMENTED"))


class Call:
    """Stands for a call as grpc hands it over."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.call = self.condition = self
        self.due: set[str] = set()
        self.batch_operations = [self]

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def start_server_batch(self, operations: tuple[Any, ...], on_done: Callable[[Any], object]) -> None:
        self.on_done = on_done

    def cancel(self) -> None:
        pass

    def message(self) -> bytes:
        return self.payload


def test_large_messages_are_few_before_they_are_taken_up() -> None:
    arrivals, messages = Arrivals(CallSlots(100, LIMIT_S)), []

    def arrive(size: int) -> bool:
        call = Call(bytes(size))
        state: Any = call
        state.client, state.statused, state.callbacks = "open", False, []
        args = (None, call, state, None, None, None, None)
        if not arrivals.await_message(args, lambda ready: messages.append(ready[4]())):
            return False
        call.on_done(call)
        return True

    assert all(arrive(LARGE_BYTES) for _ in range(LARGE_MAX))
    assert not arrive(1), "what waits takes all the room"
    next(messages[0])
    assert arrive(LARGE_BYTES - 1)
    assert arrive(LARGE_BYTES)
    assert not arrive(1)


@pytest.mark.parametrize("args", [(), (1,) * 7, (None,) * 7, (None, None, Call(b""), None, None, bytes, bytes)])
def test_what_is_not_handed_over_as_known_waits_in_its_thread(args: tuple[Any, ...]) -> None:
    slots = CallSlots(1, LIMIT_S)
    assert not Arrivals(slots).await_message(args, lambda _: None)
    assert len(slots) == 0
