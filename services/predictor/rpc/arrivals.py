"""A call goes to a thread once its message is there.

grpcio hands a call over when its headers have come: the thread that takes it up asks for the message, sleeps, and is
woken by grpc's one serving thread. Under load these changes of threads cost more than the answer, and whoever sends no
message holds a thread. Here the serving thread asks, and hands the call over with its message (ADR 31).

Nothing public of grpcio does that, so this is the one place that uses its inside. Where that is not as it is known
here, or room is short, `await_message` says no, and the call waits in its thread.
"""

import threading
from collections.abc import Callable
from typing import Any

from services.predictor.rpc.call_slots import CallSlots

try:
    from grpc._cython.cygrpc import ReceiveMessageOperation
    from grpc._server import _possibly_finish_call
except ImportError:  # another grpcio than the locked one
    ReceiveMessageOperation = _possibly_finish_call = None

# As grpc names what is due of a call.
MESSAGE_DUE = "receive_message"
# Messages from so many bytes on are few at a time: those that wait for a thread take memory.
LARGE_BYTES = 64 * 2**10
LARGE_MAX = 4


class Arrived:
    """The message of a call, as grpc gives requests: by iteration. `payload` None: the call ended without."""

    __slots__ = ("_on_taken", "_payload")

    def __init__(self, payload: bytes | None, on_taken: Callable[[], object] | None = None) -> None:
        self._payload, self._on_taken = payload, on_taken

    def __iter__(self) -> "Arrived":
        return self

    def __next__(self) -> bytes:
        payload, self._payload = self._payload, None
        if self._on_taken is not None:
            self._on_taken()
        if payload is None:
            raise StopIteration
        return payload


class Arrivals:
    """Awaits messages of calls that grpc hands over, each in a slot, and no thread."""

    def __init__(self, slots: CallSlots) -> None:
        self._slots = slots
        self._lock = threading.Lock()
        self._large = 0

    def await_message(self, args: tuple[Any, ...], on_arrival: Callable[[tuple[Any, ...]], object]) -> bool:
        """Whether `on_arrival` will be told, in grpc's serving thread, once the message is there or the call is over.
        `args`: what grpc hands over; told are the same, with the message in place of the wait for it."""
        if self._large >= LARGE_MAX or not self._slots.has_room():
            return False

        def arrived(received: Any) -> Any:
            self._slots.release(slot)
            message = self._message(received.batch_operations[0].message())
            on_arrival((answer, event, state, behaviour, lambda: message, None, None))
            with state.condition:
                return _possibly_finish_call(state, MESSAGE_DUE)

        try:
            answer, event, state, behaviour, _, deserializer, serializer = args
            due, known = state.due, deserializer is serializer is None
            if not known:
                return False
            event.call.start_server_batch((ReceiveMessageOperation(0),), arrived)
        except (AttributeError, TypeError, ValueError):
            return False
        due.add(MESSAGE_DUE)
        slot = self._slots.acquire(event.call.cancel)
        return True

    def _message(self, payload: bytes | None) -> Arrived:
        if payload is None or len(payload) < LARGE_BYTES:
            return Arrived(payload)
        self._add_large(1)
        return Arrived(payload, lambda: self._add_large(-1))

    def _add_large(self, count: int) -> None:
        with self._lock:
            self._large += count
