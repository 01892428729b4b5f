"""Frames held back, of all connections, and what releases them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.proxy.actions import AfterFrame, AfterSeconds, ReleaseCondition
from tests.proxy.requests import FrameInfo


@dataclass(eq=False)
class HeldFrame:
    """A frame held back. `deliver` hands it over, or says that it is lost; `then` is called once it is answered or
    lost. `held`: whether it counts among those of which a schedule allows so many."""

    event_index: int  # of its event
    info: FrameInfo
    until: ReleaseCondition
    connection: object
    held: bool
    deliver: Callable[["HeldFrame"], None]
    then: list[Callable[[], None]] = field(default_factory=list)
    passed: int = 0  # of the later frames that are waited for

    def settled(self) -> None:
        while self.then:
            self.then.pop()()


class HeldFrames:
    """`call_later`: as an event loop's. Used by one thread."""

    def __init__(self, call_later: Callable[[float, Callable[[], None]], object]) -> None:
        self._call_later = call_later
        self._frames: list[HeldFrame] = []

    @property
    def held(self) -> int:
        return sum(held_frame.held for held_frame in self._frames)

    def of(self, connection: object) -> list[HeldFrame]:
        return [held_frame for held_frame in self._frames if held_frame.connection is connection]

    def awaits(self, api_key: int) -> bool:
        """Whether something is let go when such a frame passes."""
        return any(
            isinstance(held_frame.until, AfterFrame) and held_frame.until.api_key == api_key
            for held_frame in self._frames
        )

    def hold(self, held_frame: HeldFrame) -> None:
        self._frames.append(held_frame)
        match held_frame.until:
            case AfterSeconds(seconds) | AfterFrame(or_after_s=float(seconds)):
                self._call_later(seconds, lambda: self.release(held_frame))

    def due(self, passing: FrameInfo, before: bool) -> list[HeldFrame]:
        """Count a frame that passes; take out what is to be let go by it."""
        found = [held_frame for held_frame in self._frames if self._counted(held_frame, passing, before)]
        for held_frame in found:
            self._frames.remove(held_frame)
        return found

    def _counted(self, held_frame: HeldFrame, passing: FrameInfo, before: bool) -> bool:
        until = held_frame.until
        if (
            not isinstance(until, AfterFrame)
            or until.before is not before
            or not until.counts(held_frame.info, passing)
        ):
            return False
        held_frame.passed += 1
        return held_frame.passed >= until.nth

    def release(self, held_frame: HeldFrame) -> None:
        """Let it go, where that has not been done."""
        if held_frame in self._frames:
            self._frames.remove(held_frame)
            held_frame.deliver(held_frame)

    def release_all(self) -> int:
        """How many were let go, whatever they waited for."""
        found = list(self._frames)
        for held_frame in found:
            self.release(held_frame)
        return len(found)

    def forget(self, held_frame: HeldFrame) -> None:
        """It is lost."""
        self._frames.remove(held_frame)
        held_frame.settled()
