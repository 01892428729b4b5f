"""Numbers and times as people read them."""

import math

import pytest

from tidewheel.domain.models import Verdict
from tidewheel.presentation import numbers, sentences, times
from tidewheel.presentation.numbers import price
from tidewheel.presentation.sentences import reason_text
from tidewheel.presentation.times import timer, timestamp
from tidewheel.presentation.typography import duration, hyperparameter, interval, money, number, threshold_text


@pytest.mark.parametrize(
    ("rendered", "expected"),
    [
        (number(0.12345), "0.123"),
        (number(-2.5), "−2.500"),
        (number(None), "–"),
        (number(math.nan), "–"),
        (number(math.inf), "∞"),
        (number(-math.inf), "−∞"),
        (threshold_text(0.5), "0.500"),
        (threshold_text(0.999984), "0.999984"),
        (threshold_text(1e-5), "0.000010"),
        (threshold_text(1.0), "1.000"),
        (threshold_text(math.inf), "∞"),
        (threshold_text(None), "–"),
        (hyperparameter(True), "yes"),
        (hyperparameter(6.372e-7), "6.37e−7"),
        (hyperparameter(1430.0), "1.43e3"),
        (hyperparameter(0.0), "0"),
        (hyperparameter(-0.25), "−0.25"),
        (hyperparameter(-2.5e-10), "−2.50e−10"),
        (hyperparameter(0.0339), "0.0339"),
        (numbers.percent(1, 3), "33.3 %"),
        (numbers.percent(0, 0), "–"),
        (duration(0), "0 ms"),
        (duration(999_000_000), "999 ms"),
        (duration(2_080_000_000), "2.08 s"),
        (duration(125 * 10**9), "2 min 05 s"),
        (duration(7_260 * 10**9), "2 h 01 min"),
        (timestamp(1_700_000_000 * 10**9 + 999), "2023-11-14T22:13:20Z"),
        (timestamp(0), "–"),
        (money(3_727_100_000), "+3.727"),
        (money(-1_068_900_000_000), "−1,068.900"),
        (money(2_000), "+0.000002"),
        (money(0), "+0.000"),
        (reason_text("no_feasible_trial"), "no feasible trial"),
        (interval(-0.25, -0.5, 0.0), "−0.250 (−0.500 to 0.000)"),
        (f"{Verdict.FAILED}", "failed"),
    ],
)
def test_on_a_page(rendered: str, expected: str) -> None:
    assert rendered == expected


@pytest.mark.parametrize(
    ("rendered", "expected"),
    [
        (numbers.number(-2.5), "-2.500"),
        (numbers.number(None), "–"),
        (numbers.number(math.nan), "–"),
        (numbers.number(math.inf), "inf"),
        (numbers.number(0.12345, 1), "0.1"),
        (numbers.signed_interval(0.1, -0.05, 0.25), "+0.100 (-0.050 to +0.250)"),
        (numbers.rate(12_345.6), "12,346"),
        (numbers.rate(1.25), "1.2"),
        (numbers.setting(1e-5), "1e-05"),
        (numbers.setting(True), "True"),
        (numbers.money(-1_500_000_000), "-1.50"),
        (numbers.money_an_order(1_667_000), "+0.001667"),
        (sentences.wealth_text(2e6), ">1,000,000"),
        (sentences.wealth_text(1234.5), "1,234"),
        (sentences.wealth_text(0.25), "0.25"),
        (sentences.wealth_text(0.001), "<0.01"),
        (times.market_time(1_700_000_000), "2023-11-14 22:13:20"),
        (times.clock_time(1_700_000_000), "22:13:20"),
    ],
)
def test_in_lines_that_programs_read_too(rendered: str, expected: str) -> None:
    assert rendered == expected


def test_prices_have_the_decimals_of_their_size() -> None:
    assert [price(value) for value in (9_903_790_000_000, 12_345_678_900, 123_456_789, 12_345)] == [
        "9,903.79",
        "12.346",
        "0.12346",
        "0.00001234",
    ]
    assert price(7_700_000_000, 9_903_790_000_000) == "7.70"


def test_a_length_of_time_that_runs() -> None:
    assert [timer(value) for value in (-1.0, 59.9, 60, 3725)] == ["0 s", "59 s", "1:00", "1:02:05"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_ages(seconds: int, words: str) -> None:
    assert times.age(seconds * 10**9) == words
