"""Where values lie, and the ticks beside them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewheel.report.scales import Scale, labels, padded_range, ticks

finite = st.floats(-1e9, 1e9)


def test_a_scale_keeps_what_lies_outside_at_its_edge() -> None:
    scale = Scale(0.0, 10.0, 300.0, 100.0)
    assert [scale(value) for value in (-5, 0, 2.5, 10, 99, math.inf)] == [300, 300, 250, 100, 100, 100]


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_no_range_is_no_scale(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="no range"):
        Scale(low, high, 0.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "about", "expected"),
    [
        (0.0, 1.0, 5, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0.0, 0.3, 3, ["0.0", "0.1", "0.2", "0.3"]),
        (-0.005, 0.0251, 7, ["−0.005", "0.000", "0.005", "0.010", "0.015", "0.020", "0.025"]),
        (0.0, 9_390.0, 2, ["0", "5,000"]),
        (0.41, 0.44, 2, ["0.42", "0.44"]),
        (-1e-10, 2e-10, 3, ["−1.0e−10", "0", "1.0e−10", "2.0e−10"]),
        (0.0, 1.5e-10, 3, ["0", "5.0e−11", "1.0e−10", "1.5e−10"]),
        (1.0, 1.000001, 1, ["1.000000", "1.000001"]),
        (997.0, 1_003.0, 3, ["998", "1,000", "1,002"]),
    ],
)
def test_ticks_are_round(low: float, high: float, about: int, expected: list[str]) -> None:
    assert labels(ticks(low, high, about)) == expected


@given(finite, st.floats(1e-9, 1e9), st.integers(1, 20))
def test_ticks_lie_within_and_are_not_too_many(low: float, width: float, about: int) -> None:
    high = low + max(width, abs(low) * 1e-6)
    found = ticks(low, high, about)
    room = (high - low) * 1e-6
    assert len(found) <= about + 1
    assert all(low - room <= tick <= high + room for tick in found)
    assert len(set(labels(found))) == len(found)


@given(st.lists(st.one_of(finite, st.sampled_from([math.nan, math.inf, -math.inf]))), st.booleans())
def test_a_range_holds_all_that_is_finite(values: list[float], with_zero: bool) -> None:
    low, high = padded_range(values, *((0.0,) if with_zero else ()))
    assert low < high
    assert all(low <= value <= high for value in values if math.isfinite(value))
    assert not with_zero or low <= 0 <= high


def test_zero_stays_the_edge_where_it_is_one() -> None:
    assert padded_range([2.0, 4.0], 0.0)[0] == 0.0
    assert padded_range([-2.0], 0.0)[1] == 0.0
    assert padded_range([0.0, 0.0], 0.0) == (0.0, 1.0)
    assert padded_range([7.0, 7.0]) == (3.5, 10.5)
