"""Who is let in, what becomes of calls, and that each is counted."""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from services.predictor.rpc.call_slots import CallSlots
from services.predictor.rpc.callers import Callers, CallGate
from services.predictor.rpc.methods import Method, Methods, UnaryCall
from services.predictor.rpc.pool import CallPool
from services.predictor.rpc.status import CallRefusedError, refused_input
from tests.predictors import metric_value
from tests.waiting import LIMIT_S, eventually

POOL = CallPool("test", 2)
NAME = "/test.Service/Ask"


class AbortedError(Exception):
    """What a real context raises."""


class Context:
    """Stands for a call's context."""

    def __init__(self, remaining_s: float = 10.0, active: bool = True) -> None:
        self.remaining_s, self.active = remaining_s, active
        self.status: Any = None
        self.callbacks: list[Callable[[], None]] = []

    def is_active(self) -> bool:
        return self.active

    def time_remaining(self) -> float:
        return self.remaining_s

    def cancel(self) -> None:
        self.active = False

    def add_callback(self, callback: Callable[[], None]) -> bool:
        self.callbacks.append(callback)
        return self.active

    def abort_with_status(self, status: Any) -> None:
        self.status = status
        raise AbortedError


def callers() -> Callers:
    return Callers(CallSlots(4, LIMIT_S), CallSlots(4, LIMIT_S))


def unary(answer: Callable[[bytes], bytes], gate: CallGate | None = None, at: Callers | None = None) -> UnaryCall:
    return UnaryCall("Ask", answer, at or callers(), POOL, logging.getLogger("test"), gate)


def code_of(call: UnaryCall, context: Context, *payloads: bytes) -> grpc.StatusCode:
    with pytest.raises(AbortedError):
        call(iter(payloads), context)
    return context.status.code


def counted(code: str) -> float:
    return metric_value("tidewheel_rpcs_total", method="Ask", code=code)


def refuse(_: bytes) -> bytes:
    raise refused_input("x", "bad")


def break_down(_: bytes) -> bytes:
    raise RuntimeError("a path, a password")


def test_an_answer_is_given_and_counted_and_waits_to_be_read() -> None:
    at, gate, context = callers(), CallGate(1), Context()
    before = counted("OK")
    assert gate.enter()
    assert unary(bytes.upper, gate, at)(iter([b"a"]), context) == b"A"
    assert counted("OK") == before + 1
    assert gate.in_progress == 0
    assert (len(at.messages), len(at.replies)) == (0, 1)
    for callback in context.callbacks:  # the call is over
        callback()
    assert len(at.replies) == 0


def test_a_refusal_is_said_and_counted() -> None:
    before = counted("INVALID_ARGUMENT")
    assert code_of(unary(refuse), Context(), b"a") is grpc.StatusCode.INVALID_ARGUMENT
    assert counted("INVALID_ARGUMENT") == before + 1


def test_a_bug_is_internal_and_says_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    context = Context()
    assert code_of(unary(break_down), context, b"a") is grpc.StatusCode.INTERNAL
    assert "password" not in context.status.details
    assert "a path, a password" in caplog.text


def test_what_nobody_waits_for_is_not_computed() -> None:
    asked: list[bytes] = []
    context = Context(remaining_s=0.0)
    assert code_of(unary(lambda payload: asked.append(payload) or b""), context, b"a") is (
        grpc.StatusCode.DEADLINE_EXCEEDED
    )
    assert asked == []


def test_no_message_is_the_callers_fault() -> None:
    assert code_of(unary(bytes.upper), Context()) is grpc.StatusCode.UNIMPLEMENTED


def test_a_call_that_is_over_releases_its_slot_and_place() -> None:
    class GoneError(grpc.RpcError):
        """What grpc raises for a call that was cancelled."""

    def gone() -> Iterator[bytes]:
        raise GoneError
        yield

    at, gate = callers(), CallGate(1)
    assert gate.enter()
    with pytest.raises(GoneError):
        unary(bytes.upper, gate, at)(gone(), Context())
    assert (len(at.messages), gate.in_progress) == (0, 0)


class Details:
    """What grpc says of a call when its headers have come."""

    def __init__(self, method: str, *metadata: tuple[str, str | bytes]) -> None:
        self.method = method
        self.invocation_metadata = metadata


def behaviour(methods: Methods, details: Details) -> Any:
    return methods.service(details).stream_unary


def refused_with(methods: Methods, details: Details) -> grpc.StatusCode:
    context = Context()
    with pytest.raises(AbortedError):
        behaviour(methods, details)(iter([]), context)
    return context.status.code


def methods(token: str = "", gate: CallGate | None = None, open_to_all: bool = False) -> tuple[Methods, Method]:
    method = unary(bytes.upper, gate).method(open_to_all)
    return Methods({NAME: method}, POOL, token), method


def test_an_unknown_method_is_unimplemented() -> None:
    assert methods()[0].service(Details("/test.Service/Tomorrow")) is None


def test_beyond_the_bound_is_refused_and_counted() -> None:
    made, method = methods(gate=CallGate(1))
    before = counted("RESOURCE_EXHAUSTED")
    assert made.service(Details(NAME)) is method.handler
    assert refused_with(made, Details(NAME)) is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert counted("RESOURCE_EXHAUSTED") == before + 1


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer wrong"),),
        (("authorization", "Basic secret"),),
        (("authorization", "secret"),),
        (("authorization", ""),),
        (("authorization", b"Bearer secret"),),
        (("authorization", "Bearer secret"), ("authorization", "Bearer secret")),
        (("authorization", "Bearer \u00fc"),),
    ],
)
def test_without_the_token_nobody_is_let_in(metadata: tuple[tuple[str, str | bytes], ...]) -> None:
    made, _ = methods(token="secret")
    assert refused_with(made, Details(NAME, *metadata)) is grpc.StatusCode.UNAUTHENTICATED


def test_with_the_token_and_where_none_is_asked() -> None:
    made, method = methods(token="secret")
    assert made.service(Details(NAME, ("authorization", "bearer secret"))) is method.handler
    made, method = methods(token="secret", open_to_all=True)
    assert made.service(Details(NAME)) is method.handler


def test_a_pool_that_is_held_takes_nothing_up_until_it_goes_on() -> None:
    pool, done, waits = CallPool("held", 2), threading.Event(), []
    pool.hold()
    submitted = pool.submit(waits.append, 1)
    submitted.add_done_callback(lambda _: done.set())
    assert not done.is_set()
    pool.resume()
    eventually(done.is_set, "the call is taken up")
    assert waits == [1]
    later = threading.Event()
    submitted.add_done_callback(lambda _: later.set())
    assert later.is_set(), "who asks late hears at once"


def test_a_thread_outlives_what_a_call_raises() -> None:
    pool, done = CallPool("raising", 1), threading.Event()

    def fail() -> None:
        raise CallRefusedError(grpc.StatusCode.INTERNAL, "", None)  # type: ignore[arg-type]

    pool.submit(fail)
    pool.submit(done.set)
    eventually(done.is_set, "the next call is taken up")
