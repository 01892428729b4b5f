"""What can be done to a request or a reply, and until when one is kept. Values only.

On one connection nothing overtakes: what comes behind a frame that is kept waits too, as TCP would have it.
"""

from dataclasses import dataclass

from tests.proxy.frames import ApiKey, Direction
from tests.proxy.requests import Seen


@dataclass(frozen=True, slots=True)
class After:
    """So many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Later:
    """Till the n-th later frame of a kind, of the same client id and transactional id, has passed on any connection.

    A reply is later where its request is. `before`: the frame waits until the broker has answered what was kept, where
    that came on another connection; else what was kept follows the frame. A request that has passed need not be done: a
    reply says that it is. `or_after_s`: so long at most.
    """

    api_key: ApiKey
    direction: Direction = Direction.REQUEST
    nth: int = 1
    before: bool = False
    or_after_s: float | None = None

    def counts(self, kept: Seen, passing: Seen) -> bool:
        return (
            (self.api_key, self.direction) == (passing.api_key, passing.direction)
            and kept.client == passing.client
            and (kept.transactional_id is None or passing.transactional_id in (None, kept.transactional_id))
            and kept.order < passing.order
        )


@dataclass(frozen=True, slots=True)
class ByHand:
    """Till a test says so."""


Release = After | Later | ByHand


@dataclass(frozen=True, slots=True)
class Delay:
    """Passed on so many seconds later."""

    seconds: float

    def __str__(self) -> str:
        return "delayed"


@dataclass(frozen=True, slots=True)
class Hold:
    """Kept. `cut_after_s`: the client's connection is closed then; a request that is released later gets to the broker
    all the same, and its reply to nobody."""

    until: Release
    cut_after_s: float | None = None

    def __str__(self) -> str:
        return "held" if self.cut_after_s is None else "held and cut"


@dataclass(frozen=True, slots=True)
class Double:
    """A request that is sent twice in succession; the second reply is swallowed."""

    def __str__(self) -> str:
        return "doubled"


@dataclass(frozen=True, slots=True)
class KeepCopy:
    """A request that passes, and of which a copy follows later on the same connection to the broker; its second reply
    is swallowed. `cut_after_s` as in Hold: with 0 the client does not get the first reply either."""

    until: Release
    cut_after_s: float | None = None

    def __str__(self) -> str:
        return "copied" if self.cut_after_s is None else "copied and cut"


@dataclass(frozen=True, slots=True)
class Lose:
    """Never passed on. `cut_after_s`: the client's connection is closed then, and what comes behind is lost too;
    without, the client waits for ever."""

    cut_after_s: float | None = 0.0

    def __str__(self) -> str:
        return "lost" if self.cut_after_s is None else "cut before"


@dataclass(frozen=True, slots=True)
class CutAfter:
    """A request that the broker answers; the reply is lost, and then the client's connection closed."""

    def __str__(self) -> str:
        return "cut after"


Action = Delay | Hold | Double | KeepCopy | Lose | CutAfter


def fits(action: Action, direction: Direction) -> bool:
    """Whether it can be done to a frame of that direction."""
    of_reply = isinstance(action, Delay | Lose) or (isinstance(action, Hold) and action.cut_after_s is None)
    return direction is Direction.REQUEST or of_reply
