"""What a call waits for its caller for, in bounded slots, and how many calls may be in progress."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc

from services.predictor.rpc.arrivals import Arrived
from services.predictor.rpc.call_slots import CallSlots
from services.predictor.rpc.status import CallRefusedError, Hints

NO_MESSAGE = "the call ended without its message; send exactly one"
CANCELLED = "the call was ended before its message came"
TOO_LATE = "the deadline had passed before the call's turn came; nothing was computed"


class CallGate:
    """Counts calls in progress, from their headers to their answer."""

    def __init__(self, calls_max: int) -> None:
        self._calls_max = calls_max
        self._lock = threading.Lock()
        self.in_progress = 0

    def enter(self) -> bool:
        """Whether there is room; `leave` follows where there is."""
        with self._lock:
            if self.in_progress >= self._calls_max:
                return False
            self.in_progress += 1
            return True

    def leave(self) -> None:
        with self._lock:
            self.in_progress -= 1


@dataclass(frozen=True, slots=True)
class Callers:
    """Call slots of one thread pool. `messages`: calls whose message has not come, fewer than the pool has threads;
    `replies`: answers that have not been read, which hold memory and no thread."""

    messages: CallSlots
    replies: CallSlots

    def message(self, requests: Iterator[bytes], context: Any) -> bytes:
        """The one message of a call. Raises CallRefusedError where none comes, grpc.RpcError where the call is over."""
        slot = None if isinstance(requests, Arrived) else self.messages.acquire(context.cancel)
        try:
            return next(requests)
        except StopIteration:
            raise _no_message(context) from None
        finally:
            if slot is not None:
                self.messages.release(slot)

    def check_wanted(self, context: Any) -> None:
        """Raises CallRefusedError where the caller waits no more. One that gave up before its deadline costs an answer;
        to ask grpc for that costs a lock each call."""
        if context.time_remaining() <= 0:
            raise CallRefusedError(grpc.StatusCode.DEADLINE_EXCEEDED, TOO_LATE, Hints("DEADLINE_EXCEEDED"))

    def expect_read(self, context: Any) -> None:
        """The answer is about to go out: from now on the caller has to read it."""
        slot = self.replies.acquire(context.cancel)
        release: Callable[[], None] = lambda: self.replies.release(slot)  # noqa: E731 - a closure for the call's end
        if not context.add_callback(release):
            release()


def _no_message(context: Any) -> CallRefusedError:
    if context.is_active():
        return CallRefusedError(grpc.StatusCode.UNIMPLEMENTED, NO_MESSAGE, Hints("NO_MESSAGE"))
    return CallRefusedError(grpc.StatusCode.CANCELLED, CANCELLED, Hints("CANCELLED"))
