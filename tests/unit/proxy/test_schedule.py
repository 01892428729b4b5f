"""What is decided on which frame."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.actions import (
    AfterFrame,
    AfterSeconds,
    Delay,
    Drop,
    DropReplyAndClose,
    Duplicate,
    DuplicateLater,
    Hold,
    Manual,
    applies_to,
)
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.random_schedule import REPLY_ACTIONS, REQUEST_ACTIONS, TRANSACTIONAL, random_schedule
from tests.proxy.requests import FrameInfo
from tests.proxy.schedule import Decision, EveryNth, OnlyNth, Probability, Rule, Schedule
from tests.unit.proxy.frame_bytes import info

END, ADD = ApiKey.END_TXN, ApiKey.ADD_PARTITIONS_TO_TXN
OWNERS = ("a", "b", "c")
owned = st.tuples(st.sampled_from(OWNERS), st.sampled_from((END, ADD)), st.sampled_from(Direction))


def decided(schedule: Schedule, frames: Iterable[FrameInfo], held: int = 0) -> list[Decision | None]:
    return [schedule.decide(one, held) for one in frames]


def numbers(schedule: Schedule, frames: Iterable[FrameInfo]) -> list[int]:
    return [decision.number for decision in decided(schedule, frames) if decision]


def test_without_rules_nothing_is_done() -> None:
    assert decided(Schedule(), [info()] * 3) == [None] * 3
    assert Schedule().api_keys == frozenset()


@pytest.mark.parametrize(
    ("frame", "matches"),
    [
        (info(), True),
        (info(ADD), False),
        (info(direction=Direction.REPLY), False),
        (info(client="other"), False),
        (info(transactional_id="other"), False),
        (info(transactional_id=None), False),
    ],
)
def test_a_rule_says_which_frames_it_is_for(frame: FrameInfo, matches: bool) -> None:
    rule = Rule.of(Duplicate(), END, client="c*", transactional_id="t*")
    assert rule.matches(frame) == matches
    assert decided(Schedule([rule]), [frame]) == [Decision(Duplicate(), 1) if matches else None]


def test_each_nth_the_kth_and_not_too_often() -> None:
    frames = [info()] * 6
    assert numbers(Schedule([Rule.of(Duplicate(), END, when=EveryNth(2))]), frames) == [2, 4, 6]
    assert numbers(Schedule([Rule.of(Duplicate(), END, when=OnlyNth(3))]), frames) == [3]
    assert numbers(Schedule([Rule.of(Duplicate(), END, limit=2)]), frames) == [1, 2]


def test_each_kind_and_owner_is_counted_for_itself() -> None:
    schedule = Schedule([Rule.of(Duplicate(), END, ADD, when=OnlyNth(2))])
    frames = [info(), info(ADD), info(client="d"), info(transactional_id="u"), info(), info(ADD), info()]
    assert [place for place, one in enumerate(decided(schedule, frames)) if one] == [4, 5]


def test_the_first_rule_that_fires_decides_and_the_others_count_too() -> None:
    schedule = Schedule(
        [Rule.of(Duplicate(), END, when=OnlyNth(1)), Rule.of(DropReplyAndClose(), END, when=EveryNth(2))]
    )
    actions = [decision and decision.action for decision in decided(schedule, [info()] * 4)]
    assert actions == [Duplicate(), DropReplyAndClose(), None, DropReplyAndClose()]


def test_no_more_are_held_than_it_says() -> None:
    held, copied = Rule.of(Hold(Manual()), END), Rule.of(DuplicateLater(Manual()), ADD)
    schedule = Schedule([held, copied, Rule.of(Duplicate(), END)], held_frames_max=2)
    assert [schedule.decide(info(), count) for count in (1, 2)] == [
        Decision(Hold(Manual()), 1),
        Decision(Duplicate(), 2),
    ]
    assert schedule.decide(info(ADD), 2) is None


@pytest.mark.parametrize("action", [Duplicate(), DropReplyAndClose(), DuplicateLater(Manual()), Hold(Manual(), 0.0)])
def test_what_cannot_be_done_to_a_reply_is_refused(
    action: Duplicate | DropReplyAndClose | DuplicateLater | Hold,
) -> None:
    assert Rule.of(action, END).action == action
    with pytest.raises(ValueError, match="a reply cannot be"):
        Rule.of(action, END, direction=Direction.REPLY)


@given(st.integers(), st.lists(owned, max_size=60), st.randoms())
def test_how_owners_interleave_shifts_no_draw(
    seed: int, kinds: list[tuple[str, ApiKey, Direction]], chance: object
) -> None:
    """Drawn by seed for each owner, kind, direction and number."""
    frames = [info(key, client=client, direction=direction) for client, key, direction in kinds]
    by_owner = sorted(frames, key=lambda one: one.client)
    first, again, other = (random_schedule(seed, rate=0.5) for _ in range(3))
    as_it_came = list(zip(frames, decided(first, frames), strict=True))
    assert decided(again, frames) == [decision for _, decision in as_it_came]
    one_after_another = list(zip(by_owner, decided(other, by_owner), strict=True))
    for owner in OWNERS:
        of_owner = [one for one in as_it_came if one[0].client == owner]
        assert of_owner == [one for one in one_after_another if one[0].client == owner]


def test_a_seed_draws_all_kinds_at_about_its_rate() -> None:
    frames = [info(key, direction=direction) for key in TRANSACTIONAL for direction in Direction for _ in range(1000)]
    found = [decision.action for decision in decided(random_schedule(7, rate=0.1), frames) if decision]
    assert 800 < len(found) < 1200
    assert {str(action) for action in found} == {
        *("delayed", "held", "held and cut", "doubled", "copied and cut", "cut before", "cut after")
    }
    assert found != [decision.action for decision in decided(random_schedule(8, rate=0.1), frames) if decision]
    more = {
        str(decision.action) for decision in decided(random_schedule(7, rate=0.1, repeats=True), frames) if decision
    }
    assert more == {*map(str, found), "copied"}
    assert decided(random_schedule(7, rate=0.0), frames) == [None] * len(frames)


@given(st.randoms(use_true_random=False))
def test_what_is_drawn_can_be_done(chance: object) -> None:
    for draw in REQUEST_ACTIONS:
        assert applies_to(draw(chance), Direction.REQUEST)  # type: ignore[arg-type]
    for draw in REPLY_ACTIONS:
        assert applies_to(draw(chance), Direction.REPLY)  # type: ignore[arg-type]


def test_chance_is_drawn_anew_for_each_frame() -> None:
    rule = Rule.of(Delay(1.0), END, when=Probability(0.5, 3))
    found = numbers(Schedule([rule]), [info()] * 200)
    assert 70 < len(found) < 130
    assert found != sorted(set(range(1, 201)) - set(found))


@pytest.mark.parametrize(
    ("passing", "counts"),
    [
        (info(ADD, order=6), True),
        (info(ADD, order=5), False),
        (info(ADD, order=4), False),
        (info(END, order=6), False),
        (info(ADD, order=6, client="d"), False),
        (info(ADD, order=6, transactional_id="u"), False),
        (info(ADD, order=6, transactional_id=None), True),
        (info(ADD, order=6, direction=Direction.REPLY), False),
    ],
)
def test_what_counts_as_later(passing: FrameInfo, counts: bool) -> None:
    assert AfterFrame(ADD).counts(info(order=5), passing) == counts


def test_one_that_has_no_transactional_id_is_told_by_its_client_id() -> None:
    assert AfterFrame(ADD).counts(info(order=5, transactional_id=None), info(ADD, order=6))


def test_actions_are_told_in_words() -> None:
    texts = [
        Delay(1),
        Hold(AfterSeconds(1)),
        Hold(AfterSeconds(1), 0),
        Duplicate(),
        DuplicateLater(AfterSeconds(1)),
        DuplicateLater(AfterSeconds(1), 0),
        Drop(None),
    ]
    assert list(map(str, texts)) == ["delayed", "held", "held and cut", "doubled", "copied", "copied and cut", "lost"]
