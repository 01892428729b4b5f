"""What is kept, and what lets it go."""

from collections.abc import Callable

from tests.proxy.actions import After, ByHand, Later, Release
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.keeper import Keeper, Kept
from tests.unit.proxy.made import seen

ADD = ApiKey.ADD_PARTITIONS_TO_TXN


class Kitchen:
    """A keeper with timers that ring when told, and what was delivered."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.delivered: list[Kept] = []
        self.keeper = Keeper(lambda delay_s, call: self.timers.append((delay_s, call)))

    def keep(self, until: Release, held: bool = True) -> Kept:
        kept = Kept(0, seen(order=5), until, self, held, self.delivered.append)
        self.keeper.keep(kept)
        return kept


def test_a_timer_lets_it_go_once() -> None:
    kitchen = Kitchen()
    kept = kitchen.keep(After(2.0))
    ((delay_s, ring),) = kitchen.timers
    assert (delay_s, kitchen.delivered) == (2.0, [])
    ring()
    ring()
    assert kitchen.delivered == [kept]
    assert kitchen.keeper.held == 0


def test_the_nth_later_frame_lets_it_go() -> None:
    kitchen = Kitchen()
    kept = kitchen.keep(Later(ADD, nth=2, or_after_s=9.0))
    assert kitchen.keeper.awaits(ADD)
    assert not kitchen.keeper.awaits(ApiKey.PRODUCE)
    for order in (4, 6):
        assert kitchen.keeper.due(seen(ADD, order=order), before=False) == []
    assert kitchen.keeper.due(seen(ADD, order=7), before=True) == []
    assert kitchen.keeper.due(seen(ADD, order=7), before=False) == [kept]
    assert not kitchen.keeper.awaits(ADD)
    kitchen.timers[0][1]()
    assert kitchen.delivered == [], "whoever was told that it is due delivers it"


def test_before_is_asked_before() -> None:
    kitchen = Kitchen()
    kept = kitchen.keep(Later(ADD, Direction.REPLY, before=True))
    reply = seen(ADD, direction=Direction.REPLY, order=6)
    assert kitchen.keeper.due(reply, before=False) == []
    assert kitchen.keeper.due(reply, before=True) == [kept]


def test_by_hand_all_go() -> None:
    kitchen = Kitchen()
    kept = [kitchen.keep(ByHand()), kitchen.keep(Later(ADD)), kitchen.keep(After(60.0), held=False)]
    assert kitchen.keeper.held == 2
    assert kitchen.keeper.release_all() == 3
    assert kitchen.delivered == kept
    assert kitchen.keeper.release_all() == 0


def test_whoever_waits_hears_of_one_that_is_lost() -> None:
    kitchen = Kitchen()
    kept, heard = kitchen.keep(ByHand()), []
    kept.then.append(lambda: heard.append("lost"))
    kitchen.keeper.forget(kept)
    kept.settled()
    assert heard == ["lost"]
    assert kitchen.keeper.of(kitchen) == []
