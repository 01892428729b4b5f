"""The one retry: when it goes on, when it gives up, and how long it waits between."""

from collections.abc import Callable

import pytest

from tidewheel.runtime.retry import Retry


class Clock:
    """Time that only waiting moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def wait(self, wait_s: float) -> bool:
        self.waits.append(wait_s)
        self.now_s += wait_s
        return False


def failing(times: int, failure: Exception) -> Callable[[], str]:
    """Fails so many times, then succeeds."""
    left = [failure] * times

    def step() -> str:
        if left:
            raise left.pop()
        return "done"

    return step


def is_timeout(failure: Exception) -> bool:
    return isinstance(failure, TimeoutError)


def test_waits_double_up_to_their_maximum() -> None:
    clock = Clock()
    retry = Retry(0.1, pause_max_s=0.5, clock=clock, wait=clock.wait)
    assert retry.call(failing(5, TimeoutError()), is_timeout) == "done"
    assert clock.waits == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_without_a_maximum_waits_are_alike() -> None:
    clock = Clock()
    assert Retry(0.25, clock=clock, wait=clock.wait).call(failing(3, TimeoutError()), is_timeout) == "done"
    assert clock.waits == [0.25, 0.25, 0.25]


def test_another_failure_is_raised_at_once() -> None:
    clock = Clock()
    with pytest.raises(ValueError, match="not this one"):
        Retry(0.1, clock=clock, wait=clock.wait).call(failing(1, ValueError("not this one")), is_timeout)
    assert clock.waits == []


@pytest.mark.parametrize(("failures", "succeeds"), [(4, True), (5, True), (6, False)])
def test_the_limit_is_of_the_time_since_the_first_attempt(failures: int, succeeds: bool) -> None:
    clock, tried = Clock(), []
    retry = Retry(0.5, 2.0, clock=clock, wait=clock.wait)

    def on_failure(failure: Exception, tried_s: float) -> None:
        tried.append(tried_s)

    if succeeds:
        assert retry.call(failing(failures, TimeoutError()), is_timeout, on_failure) == "done"
    else:
        with pytest.raises(TimeoutError):
            retry.call(failing(failures, TimeoutError()), is_timeout, on_failure)
    assert tried == [0.0, 0.5, 1.0, 1.5, 2.0][:failures]


def test_a_wait_that_is_cut_short_ends_it() -> None:
    tried = []

    def step() -> None:
        tried.append(1)
        raise TimeoutError("away")

    with pytest.raises(TimeoutError, match="away"):
        Retry(0.1, wait=lambda _: True).call(step, is_timeout)
    assert tried == [1]


def test_a_condition_is_asked_until_it_holds_or_the_limit_passes() -> None:
    clock = Clock()
    retry = Retry(1.0, 3.0, clock=clock, wait=clock.wait)
    assert retry.until(lambda: clock.now_s >= 3.0)
    assert not retry.until(lambda: False)


def test_what_a_condition_raises_is_raised() -> None:
    def ask() -> bool:
        raise ValueError("it ended")

    with pytest.raises(ValueError, match="it ended"):
        Retry(1.0, 3.0).until(ask)
