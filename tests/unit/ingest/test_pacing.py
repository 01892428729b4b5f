"""When seconds may be published, on a clock that only moves when waited for."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from services.ingest.pacing import LAG_POLL_INTERVAL_S, ClockPacer, LagPacer


@dataclass
class FakeClock:
    now_s: float = 100.0
    stop_at_s: float = 1e9
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now_s

    def wait(self, wait_s: float) -> bool:
        if wait_s:
            self.waits.append(wait_s)
        self.now_s += min(wait_s, 0.1)  # the service waits in small steps
        return self.now_s < self.stop_at_s


def test_market_time_advances_speed_times_as_fast_as_the_clock() -> None:
    clock = FakeClock()
    pacer = ClockPacer(4.0, clock, clock.wait)
    due = []
    for second in (1000, 1001, 1002, 1010):
        assert pacer.wait_until_due(second)
        due.append(round(clock.now_s - 100.0, 9))
    assert due == [0.25, 0.5, 0.75, 2.75]


def test_what_is_behind_is_not_waited_for() -> None:
    clock = FakeClock()
    pacer = ClockPacer(1.0, clock, clock.wait)
    assert pacer.wait_until_due(0)
    clock.now_s += 50
    clock.waits.clear()
    assert all(pacer.wait_until_due(second) for second in range(1, 51))
    assert clock.waits == []


def test_a_stop_ends_the_waiting_within_a_step() -> None:
    clock = FakeClock(stop_at_s=100.5)
    assert not ClockPacer(0.001, clock, clock.wait).wait_until_due(5)
    assert clock.now_s < 100.7


def test_the_labeler_is_never_left_further_behind() -> None:
    clock = FakeClock()
    published, done, asked = 0, 0, []

    def lag() -> int:
        nonlocal done
        asked.append(clock.now_s)
        done = min(published, done + 30)
        return published - done

    pacer = LagPacer(100, lag, clock, clock.wait)
    for second in range(2000):
        assert pacer.wait_until_due(second)
        published += 1
        assert published - done <= 100
    assert all(b - a > LAG_POLL_INTERVAL_S - 1e-6 for a, b in pairwise(asked))
    assert len(asked) < 100, "asked only when the room is used up"


def test_no_limit_never_asks() -> None:
    clock = FakeClock()

    def lag() -> int:
        raise AssertionError

    assert all(LagPacer(0, lag, clock, clock.wait).wait_until_due(second) for second in range(10))


def test_an_unknown_lag_is_asked_for_again() -> None:
    clock = FakeClock()
    answers: list[int | None] = [None, None, 5]
    assert LagPacer(10, lambda: answers.pop(0), clock, clock.wait).wait_until_due(0)
    assert answers == []
    assert 100.2 - 1e-6 < clock.now_s < 100.3


def test_a_stop_ends_the_waiting_for_the_labeler() -> None:
    clock = FakeClock(stop_at_s=101)
    assert not LagPacer(10, lambda: 10, clock, clock.wait).wait_until_due(0)


def test_what_is_waited_for_the_labeler_is_told() -> None:
    clock, waits = FakeClock(), []
    answers = [10, 10, 3]
    pacer = LagPacer(10, lambda: answers.pop(0), clock, clock.wait, waits.append)
    assert pacer.wait_until_due(0)
    assert sum(waits) == pytest.approx(2 * LAG_POLL_INTERVAL_S)
    told = list(waits)
    assert pacer.wait_until_due(1)
    assert waits == told
