"""The bench of EdgeGone: what it counts as false, noticed and missed, on a market of its own."""

import pytest

from bench.quality import alarms
from bench.quality.alarms import Watched, totals, watched


def test_what_comes_before_the_flip_is_false_and_the_first_after_it_is_the_wait() -> None:
    one = Watched(count=30, alarms=[5, 22, 24], flipped=21)
    assert (one.false, one.wait) == ([5], 2)
    assert Watched(count=30, alarms=[5]).false == [5]
    assert Watched(count=30, alarms=[5], flipped=21).wait is None


def test_a_flip_that_is_missed_and_alarms_that_are_too_many_are_not_in_order() -> None:
    noticed = Watched(count=34, alarms=[23], flipped=21)
    assert totals("flip", [noticed])["ok"]
    assert not totals("flip", [noticed, Watched(count=34, flipped=21)])["ok"]
    assert totals("edge", [Watched(100, [3, 50]), Watched(100)])["ok"]
    assert not totals("edge", [Watched(100, [3, 50, 70, 80, 90, 99]), Watched(100)])["ok"]


def test_a_market_is_turned_once_its_windows_have_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "AFTER", 6)
    found = watched("flip", seed=1, size=600, count=2, trials=1)
    assert found.count == 8
    assert 2 < found.flipped <= 8
