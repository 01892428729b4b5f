"""What is kept, and what lets it go."""

from collections.abc import Callable

from tests.proxy.actions import AfterFrame, AfterSeconds, Manual, ReleaseCondition
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.held_frames import HeldFrame, HeldFrames
from tests.unit.proxy.frame_bytes import info

ADD = ApiKey.ADD_PARTITIONS_TO_TXN


class Kitchen:
    """A keeper with timers that ring when told, and what was delivered."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.delivered: list[HeldFrame] = []
        self.held_frames = HeldFrames(lambda delay_s, call: self.timers.append((delay_s, call)))

    def hold(self, until: ReleaseCondition, held: bool = True) -> HeldFrame:
        held_frame = HeldFrame(0, info(order=5), until, self, held, self.delivered.append)
        self.held_frames.hold(held_frame)
        return held_frame


def test_a_timer_lets_it_go_once() -> None:
    kitchen = Kitchen()
    held_frame = kitchen.hold(AfterSeconds(2.0))
    ((delay_s, ring),) = kitchen.timers
    assert (delay_s, kitchen.delivered) == (2.0, [])
    ring()
    ring()
    assert kitchen.delivered == [held_frame]
    assert kitchen.held_frames.held == 0


def test_the_nth_later_frame_lets_it_go() -> None:
    kitchen = Kitchen()
    held_frame = kitchen.hold(AfterFrame(ADD, nth=2, or_after_s=9.0))
    assert kitchen.held_frames.awaits(ADD)
    assert not kitchen.held_frames.awaits(ApiKey.PRODUCE)
    for order in (4, 6):
        assert kitchen.held_frames.due(info(ADD, order=order), before=False) == []
    assert kitchen.held_frames.due(info(ADD, order=7), before=True) == []
    assert kitchen.held_frames.due(info(ADD, order=7), before=False) == [held_frame]
    assert not kitchen.held_frames.awaits(ADD)
    kitchen.timers[0][1]()
    assert kitchen.delivered == [], "whoever was told that it is due delivers it"


def test_before_is_asked_before() -> None:
    kitchen = Kitchen()
    held_frame = kitchen.hold(AfterFrame(ADD, Direction.REPLY, before=True))
    reply = info(ADD, direction=Direction.REPLY, order=6)
    assert kitchen.held_frames.due(reply, before=False) == []
    assert kitchen.held_frames.due(reply, before=True) == [held_frame]


def test_by_hand_all_go() -> None:
    kitchen = Kitchen()
    held_frame = [kitchen.hold(Manual()), kitchen.hold(AfterFrame(ADD)), kitchen.hold(AfterSeconds(60.0), held=False)]
    assert kitchen.held_frames.held == 2
    assert kitchen.held_frames.release_all() == 3
    assert kitchen.delivered == held_frame
    assert kitchen.held_frames.release_all() == 0


def test_whoever_waits_hears_of_one_that_is_lost() -> None:
    kitchen = Kitchen()
    held_frame, heard = kitchen.hold(Manual()), []
    held_frame.then.append(lambda: heard.append("lost"))
    kitchen.held_frames.forget(held_frame)
    held_frame.settled()
    assert heard == ["lost"]
    assert kitchen.held_frames.of(kitchen) == []
