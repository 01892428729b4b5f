"""What is decided on which frame."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.actions import After, ByHand, CutAfter, Delay, Double, Hold, KeepCopy, Later, Lose, fits
from tests.proxy.drawn import OF_REPLIES, OF_REQUESTS, TRANSACTIONAL, drawn
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.requests import Seen
from tests.proxy.schedule import Chance, Decision, Every, Only, Rule, Schedule
from tests.unit.proxy.made import seen

END, ADD = ApiKey.END_TXN, ApiKey.ADD_PARTITIONS_TO_TXN
OWNERS = ("a", "b", "c")
owned = st.tuples(st.sampled_from(OWNERS), st.sampled_from((END, ADD)), st.sampled_from(Direction))


def decided(schedule: Schedule, frames: Iterable[Seen], held: int = 0) -> list[Decision | None]:
    return [schedule.decide(one, held) for one in frames]


def numbers(schedule: Schedule, frames: Iterable[Seen]) -> list[int]:
    return [decision.number for decision in decided(schedule, frames) if decision]


def test_without_rules_nothing_is_done() -> None:
    assert decided(Schedule(), [seen()] * 3) == [None] * 3
    assert Schedule().api_keys == frozenset()


@pytest.mark.parametrize(
    ("frame", "matches"),
    [
        (seen(), True),
        (seen(ADD), False),
        (seen(direction=Direction.REPLY), False),
        (seen(client="other"), False),
        (seen(transactional_id="other"), False),
        (seen(transactional_id=None), False),
    ],
)
def test_a_rule_says_which_frames_it_is_for(frame: Seen, matches: bool) -> None:
    rule = Rule.of(Double(), END, client="c*", transactional_id="t*")
    assert rule.matches(frame) == matches
    assert decided(Schedule([rule]), [frame]) == [Decision(Double(), 1) if matches else None]


def test_each_nth_the_kth_and_not_too_often() -> None:
    frames = [seen()] * 6
    assert numbers(Schedule([Rule.of(Double(), END, when=Every(2))]), frames) == [2, 4, 6]
    assert numbers(Schedule([Rule.of(Double(), END, when=Only(3))]), frames) == [3]
    assert numbers(Schedule([Rule.of(Double(), END, limit=2)]), frames) == [1, 2]


def test_each_kind_and_owner_is_counted_for_itself() -> None:
    schedule = Schedule([Rule.of(Double(), END, ADD, when=Only(2))])
    frames = [seen(), seen(ADD), seen(client="d"), seen(transactional_id="u"), seen(), seen(ADD), seen()]
    assert [place for place, one in enumerate(decided(schedule, frames)) if one] == [4, 5]


def test_the_first_rule_that_fires_decides_and_the_others_count_too() -> None:
    schedule = Schedule([Rule.of(Double(), END, when=Only(1)), Rule.of(CutAfter(), END, when=Every(2))])
    actions = [decision and decision.action for decision in decided(schedule, [seen()] * 4)]
    assert actions == [Double(), CutAfter(), None, CutAfter()]


def test_no_more_are_held_than_it_says() -> None:
    held, copied = Rule.of(Hold(ByHand()), END), Rule.of(KeepCopy(ByHand()), ADD)
    schedule = Schedule([held, copied, Rule.of(Double(), END)], held_max=2)
    assert [schedule.decide(seen(), count) for count in (1, 2)] == [Decision(Hold(ByHand()), 1), Decision(Double(), 2)]
    assert schedule.decide(seen(ADD), 2) is None


@pytest.mark.parametrize("action", [Double(), CutAfter(), KeepCopy(ByHand()), Hold(ByHand(), 0.0)])
def test_what_cannot_be_done_to_a_reply_is_refused(action: Double | CutAfter | KeepCopy | Hold) -> None:
    assert Rule.of(action, END).action == action
    with pytest.raises(ValueError, match="a reply cannot be"):
        Rule.of(action, END, direction=Direction.REPLY)


@given(st.integers(), st.lists(owned, max_size=60), st.randoms())
def test_how_owners_interleave_shifts_no_draw(
    seed: int, kinds: list[tuple[str, ApiKey, Direction]], chance: object
) -> None:
    """Drawn by seed for each owner, kind, direction and number."""
    frames = [seen(key, client=client, direction=direction) for client, key, direction in kinds]
    by_owner = sorted(frames, key=lambda one: one.client)
    first, again, other = (drawn(seed, rate=0.5) for _ in range(3))
    as_it_came = list(zip(frames, decided(first, frames), strict=True))
    assert decided(again, frames) == [decision for _, decision in as_it_came]
    one_after_another = list(zip(by_owner, decided(other, by_owner), strict=True))
    for owner in OWNERS:
        of_owner = [one for one in as_it_came if one[0].client == owner]
        assert of_owner == [one for one in one_after_another if one[0].client == owner]


def test_a_seed_draws_all_kinds_at_about_its_rate() -> None:
    frames = [seen(key, direction=direction) for key in TRANSACTIONAL for direction in Direction for _ in range(1000)]
    found = [decision.action for decision in decided(drawn(7, rate=0.1), frames) if decision]
    assert 800 < len(found) < 1200
    assert {str(action) for action in found} == {
        *("delayed", "held", "held and cut", "doubled", "copied and cut", "cut before", "cut after")
    }
    assert found != [decision.action for decision in decided(drawn(8, rate=0.1), frames) if decision]
    more = {str(decision.action) for decision in decided(drawn(7, rate=0.1, repeats=True), frames) if decision}
    assert more == {*map(str, found), "copied"}
    assert decided(drawn(7, rate=0.0), frames) == [None] * len(frames)


@given(st.randoms(use_true_random=False))
def test_what_is_drawn_can_be_done(chance: object) -> None:
    for draw in OF_REQUESTS:
        assert fits(draw(chance), Direction.REQUEST)  # type: ignore[arg-type]
    for draw in OF_REPLIES:
        assert fits(draw(chance), Direction.REPLY)  # type: ignore[arg-type]


def test_chance_is_drawn_anew_for_each_frame() -> None:
    rule = Rule.of(Delay(1.0), END, when=Chance(0.5, 3))
    found = numbers(Schedule([rule]), [seen()] * 200)
    assert 70 < len(found) < 130
    assert found != sorted(set(range(1, 201)) - set(found))


@pytest.mark.parametrize(
    ("passing", "counts"),
    [
        (seen(ADD, order=6), True),
        (seen(ADD, order=5), False),
        (seen(ADD, order=4), False),
        (seen(END, order=6), False),
        (seen(ADD, order=6, client="d"), False),
        (seen(ADD, order=6, transactional_id="u"), False),
        (seen(ADD, order=6, transactional_id=None), True),
        (seen(ADD, order=6, direction=Direction.REPLY), False),
    ],
)
def test_what_counts_as_later(passing: Seen, counts: bool) -> None:
    assert Later(ADD).counts(seen(order=5), passing) == counts


def test_one_that_has_no_transactional_id_is_told_by_its_client_id() -> None:
    assert Later(ADD).counts(seen(order=5, transactional_id=None), seen(ADD, order=6))


def test_actions_are_told_in_words() -> None:
    told = [
        Delay(1),
        Hold(After(1)),
        Hold(After(1), 0),
        Double(),
        KeepCopy(After(1)),
        KeepCopy(After(1), 0),
        Lose(None),
    ]
    assert list(map(str, told)) == ["delayed", "held", "held and cut", "doubled", "copied", "copied and cut", "lost"]
