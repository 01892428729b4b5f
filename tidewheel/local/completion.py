"""Whether a recorded file has gone all the way through: a small machine, stepped a few times a second.

Order matters. Only after ingest is done can "everything on ticks" be asked; only after every second has its orders can
"everything on orders"; only after that can the labels be complete; and only then is what they made known here.
"""

from enum import IntEnum
from typing import Protocol

from tidewheel.contracts.topics import LABELER_GROUP, ORDERBOT_GROUP
from tidewheel.local.monitoring.progress import Progress


class Stage(IntEnum):
    """How far it is."""

    FEED = 0
    TICKS_KNOWN = 1
    ORDERS = 2
    LABELS = 3
    LABELS_KNOWN = 4
    DONE = 5


class CatchUp(Protocol):
    """The collector: asked to find out whether it has read all that is on the topics now."""

    def request_catch_up(self) -> None: ...
    @property
    def caught_up(self) -> bool: ...


class Completion:
    """`step` moves on as far as it can. `rounds` counts answers about progress: an answer counts only if it was
    asked for after the stage began, which the second answer since then surely was."""

    def __init__(self, collector: CatchUp) -> None:
        self._collector = collector
        self._since_round = 0
        self.stage = Stage.FEED

    @property
    def done(self) -> bool:
        return self.stage is Stage.DONE

    def feed_broke_off(self, feed_ended: bool) -> bool:
        """Whether ingest ended before its file did: all that is on the topics is known, and the feed's end is not
        among it. Then the machine is back at its beginning."""
        if self.stage is not Stage.TICKS_KNOWN or not self._collector.caught_up or feed_ended:
            return False
        self.stage = Stage.FEED
        return True

    def step(self, *, feed_done: bool, labels_complete: bool, progress: Progress, rounds: int) -> None:
        """`labels_complete`: the labeler has said that it has labelled every second seen."""
        fresh = rounds >= self._since_round + 2
        if self.stage is Stage.FEED and feed_done:
            self._collector.request_catch_up()
            self._enter(Stage.TICKS_KNOWN, rounds)
        elif self.stage is Stage.TICKS_KNOWN and self._collector.caught_up:
            self._enter(Stage.ORDERS, rounds)
        elif self.stage is Stage.ORDERS and (labels_complete or (fresh and progress.all_read(ORDERBOT_GROUP))):
            self._enter(Stage.LABELS, rounds)
        elif self.stage is Stage.LABELS and (labels_complete or (fresh and progress.all_read(LABELER_GROUP))):
            self._collector.request_catch_up()
            self._enter(Stage.LABELS_KNOWN, rounds)
        elif self.stage is Stage.LABELS_KNOWN and self._collector.caught_up:
            self._enter(Stage.DONE, rounds)

    def _enter(self, stage: Stage, rounds: int) -> None:
        self.stage = stage
        self._since_round = rounds
