"""The plan of disturbances: one seed, one plan; nothing left out, nothing at once that would hide something."""

from collections import Counter

import pytest

from tests.system.chaos.plan import (
    ADDED,
    KAFKA,
    NEIGHBOUR,
    ROTATION,
    SERVICES,
    SHORT,
    Kind,
    once,
    rotation,
    while_there,
)

SEEDS = range(8)
SECONDS = 590.0


def test_a_seed_is_a_plan() -> None:
    assert rotation(7, SECONDS) == rotation(7, SECONDS)
    assert rotation(7, SECONDS) != rotation(8, SECONDS)
    assert once(7) == once(7)


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_minutes_hold_every_disturbance_of_every_target(seed: int) -> None:
    counts = Counter((one.kind, one.target) for one in rotation(seed, SECONDS))
    for choice in ROTATION:
        assert sum(counts[choice.kind, target] for target in choice.targets) >= 3
    for name in (*SERVICES, NEIGHBOUR, KAFKA):
        assert counts[Kind.KILL, name] >= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_in_time_and_over_before_the_end(seed: int) -> None:
    plan = rotation(seed, SECONDS)
    assert [one.at_s for one in plan] == sorted(one.at_s for one in plan)
    assert max(one.at_s + one.lasts_s for one in plan) <= SECONDS
    assert len(plan) > 60


@pytest.mark.parametrize("seed", SEEDS)
def test_a_target_is_let_rest_before_it_is_disturbed_again(seed: int) -> None:
    until_s: dict[str, float] = {}
    for one in rotation(seed, SECONDS):
        assert one.at_s > until_s.get(one.target, -1.0)
        until_s[one.target] = one.at_s + one.lasts_s


@pytest.mark.parametrize("seed", SEEDS)
def test_a_labeler_is_replaced_while_there_is_a_broker_and_no_other_to_share_with(seed: int) -> None:
    plan = rotation(seed, SECONDS)
    for one in (one for one in plan if one.kind is Kind.REPLACE):
        for other in plan:
            if other.target in (KAFKA, *ADDED):
                apart = other.at_s + other.lasts_s < one.at_s or one.at_s + one.lasts_s < other.at_s
                assert apart, f"{one.at_s} {one} and {other.at_s} {other}"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_stands_still_is_longer_still_than_a_session_and_restarted_only_where_it_is_meant(seed: int) -> None:
    for one in rotation(seed, SECONDS):
        if one.kind is Kind.STAND_STILL:
            assert 6.0 < one.lasts_s < 15.0
        if one.kind is Kind.STUCK:
            assert one.lasts_s > 15.0 + 4.0


def test_nothing_befalls_a_target_that_may_be_gone() -> None:
    plan = rotation(1, SECONDS)
    left = while_there(plan, NEIGHBOUR, 300.0)
    spared = [one for one in plan if one not in left]
    assert spared
    assert left
    for one in spared:
        assert one.target == NEIGHBOUR
        assert one.at_s + one.lasts_s > 300.0
    assert all(one.at_s + one.lasts_s <= 300.0 for one in left if one.target == NEIGHBOUR)


def test_the_short_one_holds_each_of_its_choices_once() -> None:
    plan = once(3)
    assert Counter(one.kind for one in plan) == Counter(choice.kind for choice in SHORT)
    assert {one.target for one in plan if one.kind is Kind.KILL} == {"ingest", "orderbot", "labeler", KAFKA}


def test_what_is_said_of_a_disturbance() -> None:
    words = {str(one) for one in rotation(1, SECONDS)}
    assert "kafka kill -9" in words
    assert any(word.startswith("labeler 2 replaced while it stood still") for word in words)
