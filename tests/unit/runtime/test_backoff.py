"""Waits between tries: doubled up to a bound, and drawn from all of it."""

from tidewheel.runtime.backoff import FullJitter, doubled_s


def test_it_doubles_up_to_the_longest_however_many_fail() -> None:
    assert [doubled_s(0.5, 10.0, failures) for failures in (1, 2, 5, 6, 100_000)] == [0.5, 1, 8, 10, 10]


def test_waits_double_to_thirty_seconds_and_are_drawn_from_the_whole() -> None:
    backoff = FullJitter(lambda: 1.0, 1.0, 30.0)
    assert [backoff.next_s() for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    draws = iter([0.0, 0.5, 0.25])
    backoff = FullJitter(lambda: next(draws), 1.0, 30.0)
    assert [backoff.next_s() for _ in range(3)] == [0, 1, 1]
    backoff = FullJitter(lambda: 1.0, 1.0, 30.0)
    assert max(backoff.next_s() for _ in range(5_000)) == 30
    backoff.reset()
    assert backoff.next_s() == 1
