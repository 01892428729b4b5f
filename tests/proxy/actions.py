"""What can be done to a request or a reply, and until when one is held back. Values only.

On one connection nothing overtakes: what comes behind a frame that is held waits too, as TCP would have it.
"""

from dataclasses import dataclass

from tests.proxy.frames import ApiKey, Direction
from tests.proxy.requests import FrameInfo


@dataclass(frozen=True, slots=True)
class AfterSeconds:
    """So many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AfterFrame:
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

    def counts(self, held: FrameInfo, passing: FrameInfo) -> bool:
        return (
            (self.api_key, self.direction) == (passing.api_key, passing.direction)
            and held.client == passing.client
            and (held.transactional_id is None or passing.transactional_id in (None, held.transactional_id))
            and held.order < passing.order
        )


@dataclass(frozen=True, slots=True)
class Manual:
    """Till a test says so."""


ReleaseCondition = AfterSeconds | AfterFrame | Manual


@dataclass(frozen=True, slots=True)
class Delay:
    """Passed on so many seconds later."""

    seconds: float

    def __str__(self) -> str:
        return "delayed"


@dataclass(frozen=True, slots=True)
class Hold:
    """Held back. `close_after_s`: the client's connection is closed then; a request that is released later gets to the
    broker all the same, and its reply to nobody."""

    until: ReleaseCondition
    close_after_s: float | None = None

    def __str__(self) -> str:
        return "held" if self.close_after_s is None else "held and cut"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A request that is sent twice in succession; the second reply is discarded."""

    def __str__(self) -> str:
        return "doubled"


@dataclass(frozen=True, slots=True)
class DuplicateLater:
    """A request that passes, and of which a copy follows later on the same connection to the broker; its second reply
    is discarded. `close_after_s` as in Hold: with 0 the client does not get the first reply either."""

    until: ReleaseCondition
    close_after_s: float | None = None

    def __str__(self) -> str:
        return "copied" if self.close_after_s is None else "copied and cut"


@dataclass(frozen=True, slots=True)
class Drop:
    """Never passed on. `close_after_s`: the client's connection is closed then, and what comes behind is lost too;
    without, the client waits for ever."""

    close_after_s: float | None = 0.0

    def __str__(self) -> str:
        return "lost" if self.close_after_s is None else "cut before"


@dataclass(frozen=True, slots=True)
class DropReplyAndClose:
    """A request that the broker answers; the reply is lost, and then the client's connection closed."""

    def __str__(self) -> str:
        return "cut after"


Action = Delay | Hold | Duplicate | DuplicateLater | Drop | DropReplyAndClose


def applies_to(action: Action, direction: Direction) -> bool:
    """Whether it can be done to a frame of that direction."""
    of_reply = isinstance(action, Delay | Drop) or (isinstance(action, Hold) and action.close_after_s is None)
    return direction is Direction.REQUEST or of_reply
