"""The time of receipt, and how late quotes are by clocks that do not agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewheel.venues.clock_skew import STRAYS_MAX, ClockSkew
from tidewheel.venues.live_clock import BELIEVED_AFTER_NS, STEP_MAX_NS, ClockWentBackError, LiveClock

S = 1_000_000_000
WALL = 1_700_000_000 * S


def test_without_a_step_it_is_the_wall_clock() -> None:
    clock = LiveClock(WALL, 0)
    assert [clock.at(WALL + n * S, n * S) for n in range(5)] == [WALL + n * S for n in range(5)]


@given(st.lists(st.tuples(st.integers(0, 3 * S), st.integers(-STEP_MAX_NS // 8, STEP_MAX_NS // 8)), max_size=50))
def test_it_never_goes_back_and_never_runs_far_off_its_pace(steps: list[tuple[int, int]]) -> None:
    clock, wall, monotonic, latest = LiveClock(WALL, 0), WALL, 0, WALL
    for passed, set_by in steps:
        monotonic += passed
        wall += passed + set_by
        try:
            now = clock.at(wall, monotonic)
        except ClockWentBackError:
            return
        if not clock.jumped_ns:
            assert passed * 19 // 20 - 1 <= now - latest <= passed * 21 // 20 + 1
        assert now >= latest
        latest = now


def test_a_small_step_is_made_up_for() -> None:
    for step in (-2 * S, 2 * S):
        clock = LiveClock(WALL, 0)
        for tenth in range(1, 401):
            at = clock.at(WALL + tenth * S // 10 + step, tenth * S // 10)
        assert at == WALL + 40 * S + step


def test_a_far_step_is_believed_once_it_has_stayed() -> None:
    clock = LiveClock(WALL, 0)
    far = 3600 * S
    assert clock.at(WALL + S + far, S) == WALL + S
    assert clock.is_doubted
    assert clock.at(WALL + 2 * S, 2 * S) == WALL + 2 * S  # it was a slip
    assert not clock.is_doubted
    assert clock.at(WALL + 3 * S + far, 3 * S) == WALL + 3 * S
    after = 3 * S + BELIEVED_AFTER_NS
    assert clock.at(WALL + after + far, after) == WALL + after + far
    assert clock.jumped_ns == far


def test_a_far_step_back_that_stays_is_the_end_in_a_sentence() -> None:
    clock = LiveClock(WALL, 0)
    assert clock.at(WALL + S - 3600 * S, S) == WALL + S
    with pytest.raises(ClockWentBackError, match="went back by 3,600 s"):
        clock.at(WALL + S + BELIEVED_AFTER_NS - 3600 * S, S + BELIEVED_AFTER_NS)


def test_a_constant_difference_of_clocks_is_no_lateness() -> None:
    skew = ClockSkew(2 * S)
    for n in range(100):
        assert not skew.lateness(WALL + n * S, WALL + n * S - 7200 * S - n % 5).stray
    assert skew.base_ns == 7200 * S


def test_a_single_quote_far_off_is_a_stray_and_no_clock() -> None:
    skew = ClockSkew(2 * S)
    skew.lateness(WALL, WALL - 5)
    ahead = skew.lateness(WALL + S, WALL + 86_400 * S)
    behind = skew.lateness(WALL + S, WALL - 86_400 * S)
    assert (ahead.stray, behind.stray) == (True, True)
    assert ahead.late_ns < 0 < behind.late_ns
    assert skew.lateness(WALL + 2 * S, WALL + 2 * S - 5) == skew.lateness(WALL + 2 * S, WALL + 2 * S - 5)
    assert skew.base_ns == 5


def test_what_stays_ahead_is_a_clock_that_was_set() -> None:
    skew = ClockSkew(2 * S)
    skew.lateness(WALL, WALL)
    strays = [skew.lateness(WALL + n, WALL + n + 60 * S).stray for n in range(STRAYS_MAX + 5)]
    assert strays == [True] * (STRAYS_MAX - 1) + [False] * 6


def test_what_stays_behind_is_one_too_after_two_minutes() -> None:
    skew = ClockSkew(2 * S)
    skew.lateness(WALL, WALL)
    strays = [skew.lateness(WALL + n * S, WALL + n * S - 60 * S).stray for n in range(1, 200)]
    assert strays[0]
    assert not strays[-1]
    assert strays == sorted(strays, reverse=True)
    assert strays.count(True) <= 121
