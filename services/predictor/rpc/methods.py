"""Methods as grpc runs them: admitted, given their message, answered, counted. Bytes in, bytes out.

A unary method is registered as one with a stream of requests, which is the same on the wire. For a unary one grpc waits
for the message inside its own code before anything of ours runs, so that callers who send headers and no message hold
its threads for ever; here the wait is ours, in a call slot (ADR 31).
"""

import hmac
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from services.predictor.metrics import RpcMetrics
from services.predictor.rpc.call_slots import CallSlots
from services.predictor.rpc.callers import Callers, CallGate
from services.predictor.rpc.pool import CallPool
from services.predictor.rpc.status import CallRefusedError, Hints, status_of

Answer = Callable[[bytes], bytes]
Answers = Callable[[Iterator[bytes], Any], Iterator[bytes]]
INTERNAL = CallRefusedError(grpc.StatusCode.INTERNAL, "the predictor failed; its log says why", Hints("INTERNAL"))
OVERLOADED = CallRefusedError(
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    "too many calls in progress; try again in a moment",
    Hints("OVERLOADED", retry_after_s=0.2),
)
UNAUTHENTICATED = CallRefusedError(
    grpc.StatusCode.UNAUTHENTICATED,
    "send the token in the metadata: authorization: Bearer <token>",
    Hints("UNAUTHENTICATED"),
)


@dataclass(frozen=True, slots=True)
class Method:
    """`handler`: for grpc. `gate`: where its calls are counted, None where they are not limited. `open_to_all`: asked
    without a token."""

    handler: Any
    metrics: RpcMetrics
    gate: CallGate | None = None
    open_to_all: bool = False


def code_of(failure: Exception) -> grpc.StatusCode:
    """How a call that failed so ends."""
    if isinstance(failure, CallRefusedError):
        return failure.code
    return grpc.StatusCode.CANCELLED if isinstance(failure, grpc.RpcError) else grpc.StatusCode.INTERNAL


def end_call(name: str, failure: Exception, context: Any, log: logging.Logger) -> None:
    """End a call that failed, with its status; raises, as grpc wants it. What is nobody's fault outside is logged."""
    if isinstance(failure, grpc.RpcError):
        raise failure
    if not isinstance(failure, CallRefusedError):
        log.error("%s failed", name, exc_info=failure)
        failure = INTERNAL
    context.abort_with_status(status_of(failure))


class UnaryCall:
    """The behaviour of a method with one message and one answer."""

    def __init__(
        self,
        name: str,
        answer: Answer,
        callers: Callers,
        pool: CallPool,
        log: logging.Logger,
        gate: CallGate | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.experimental_thread_pool = pool  # what grpc looks for
        self.metrics = RpcMetrics(name)
        self._name = name
        self._answer = answer
        self._callers = callers
        self._log = log
        self._gate = gate
        self._clock = clock

    def method(self, open_to_all: bool = False) -> Method:
        return Method(grpc.stream_unary_rpc_method_handler(self), self.metrics, self._gate, open_to_all)

    def __call__(self, requests: Iterator[bytes], context: Any) -> bytes:
        started_s = self._clock()
        code = grpc.StatusCode.OK
        try:
            payload = self._callers.message(requests, context)
            started_s = self._clock()
            self._callers.check_wanted(context)
            response = self._answer(payload)
            self._callers.expect_read(context)
            return response
        except Exception as failure:
            code = code_of(failure)
            end_call(self._name, failure, context, self._log)
        finally:
            if self._gate is not None:
                self._gate.leave()
            self.metrics.record_call(self._clock() - started_s, code)
        raise AssertionError("abort raises")


class StreamCall:
    """The behaviour of a method with a stream of answers: one thread and one slot each, all the while."""

    def __init__(self, name: str, answers: Answers, slots: CallSlots, pool: CallPool, log: logging.Logger) -> None:
        self.experimental_thread_pool = pool  # what grpc looks for
        self.metrics = RpcMetrics(name)
        self._name = name
        self._answers = answers
        self._slots = slots
        self._log = log

    def method(self, open_to_all: bool = False) -> Method:
        return Method(grpc.stream_stream_rpc_method_handler(self), self.metrics, None, open_to_all)

    def __call__(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        code = grpc.StatusCode.OK
        slot = self._slots.acquire(context.cancel)
        try:
            yield from self._answers(requests, context)
        except Exception as failure:
            code = code_of(failure)
            end_call(self._name, failure, context, self._log)
        finally:
            self._slots.release(slot)
            self.metrics.record_end(code)


class Refusing:
    """The behaviour of a call that is refused before anything of it is read."""

    def __init__(self, refusal: CallRefusedError, pool: CallPool) -> None:
        self.experimental_thread_pool = pool  # what grpc looks for
        self.code = refusal.code
        self.handler = grpc.stream_unary_rpc_method_handler(self)
        self._status = status_of(refusal)

    def __call__(self, requests: Iterator[bytes], context: Any) -> bytes:
        context.abort_with_status(self._status)
        raise AssertionError("abort raises")


class Methods(grpc.GenericRpcHandler):  # type: ignore[misc]
    """All methods of a server by their full names, `/package.Service/Method`. grpc asks in its one serving thread, when
    a call's headers have come: whoever is refused here costs no thread that works."""

    def __init__(self, methods: Mapping[str, Method], refusals: CallPool, token: str = "") -> None:
        self._methods = dict(methods)
        self._token = token.encode()
        self._overloaded = Refusing(OVERLOADED, refusals)
        self._unauthenticated = Refusing(UNAUTHENTICATED, refusals)

    def service(self, handler_call_details: Any) -> Any:
        """None, which is UNIMPLEMENTED, where there is no such method."""
        method = self._methods.get(handler_call_details.method)
        if method is None:
            return None
        if self._token and not (method.open_to_all or self._authorised(handler_call_details.invocation_metadata)):
            return self._refuse(method, self._unauthenticated)
        if method.gate is not None and not method.gate.enter():
            return self._refuse(method, self._overloaded)
        return method.handler

    def _refuse(self, method: Method, refusing: Refusing) -> Any:
        method.metrics.record_end(refusing.code)
        return refusing.handler

    def _authorised(self, metadata: Any) -> bool:
        given = [value for key, value in metadata if key == "authorization"]
        words = given[0].split(" ", 1) if len(given) == 1 and isinstance(given[0], str) else []
        if len(words) != 2 or words[0].lower() != "bearer":
            return False
        return hmac.compare_digest(words[1].strip().encode(errors="replace"), self._token)
