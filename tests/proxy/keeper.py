"""Everything that is kept, of all connections, and what lets it go."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.proxy.actions import After, Later, Release
from tests.proxy.requests import Seen


@dataclass(eq=False)
class Kept:
    """A frame that is kept. `deliver` hands it over, or says that it is lost; `then` is called once it is answered or
    lost. `held`: whether it counts among those of which a schedule allows so many."""

    place: int  # of its event
    seen: Seen
    until: Release
    link: object
    held: bool
    deliver: Callable[["Kept"], None]
    then: list[Callable[[], None]] = field(default_factory=list)
    passed: int = 0  # of the later frames that are waited for

    def settled(self) -> None:
        while self.then:
            self.then.pop()()


class Keeper:
    """`call_later`: as an event loop's. Used by one thread."""

    def __init__(self, call_later: Callable[[float, Callable[[], None]], object]) -> None:
        self._call_later = call_later
        self._kept: list[Kept] = []

    @property
    def held(self) -> int:
        return sum(kept.held for kept in self._kept)

    def of(self, link: object) -> list[Kept]:
        return [kept for kept in self._kept if kept.link is link]

    def awaits(self, api_key: int) -> bool:
        """Whether something is let go when such a frame passes."""
        return any(isinstance(kept.until, Later) and kept.until.api_key == api_key for kept in self._kept)

    def keep(self, kept: Kept) -> None:
        self._kept.append(kept)
        match kept.until:
            case After(seconds) | Later(or_after_s=float(seconds)):
                self._call_later(seconds, lambda: self.release(kept))

    def due(self, passing: Seen, before: bool) -> list[Kept]:
        """Count a frame that passes; take out what is to be let go by it."""
        found = [kept for kept in self._kept if self._counted(kept, passing, before)]
        for kept in found:
            self._kept.remove(kept)
        return found

    def _counted(self, kept: Kept, passing: Seen, before: bool) -> bool:
        until = kept.until
        if not isinstance(until, Later) or until.before is not before or not until.counts(kept.seen, passing):
            return False
        kept.passed += 1
        return kept.passed >= until.nth

    def release(self, kept: Kept) -> None:
        """Let it go, where that has not been done."""
        if kept in self._kept:
            self._kept.remove(kept)
            kept.deliver(kept)

    def release_all(self) -> int:
        """How many were let go, whatever they waited for."""
        found = list(self._kept)
        for kept in found:
            self.release(kept)
        return len(found)

    def forget(self, kept: Kept) -> None:
        """It is lost."""
        self._kept.remove(kept)
        kept.settled()
