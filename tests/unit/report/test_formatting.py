"""Numbers and times as people read them."""

import math

import pytest

from tidewheel.domain.models import Verdict
from tidewheel.report.formatting import (
    hyperparameter,
    money,
    number,
    percent,
    reason_text,
    span,
    threshold_text,
    timestamp,
)


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
        (percent(1, 3), "33.3 %"),
        (percent(0, 0), "–"),
        (span(0), "0 ms"),
        (span(999_000_000), "999 ms"),
        (span(2_080_000_000), "2.08 s"),
        (span(125 * 10**9), "2 min 05 s"),
        (span(7_260 * 10**9), "2 h 01 min"),
        (timestamp(1_700_000_000 * 10**9 + 999), "2023-11-14T22:13:20Z"),
        (timestamp(0), "–"),
        (money(3_727_100_000), "+3.727"),
        (money(-1_068_900_000_000), "−1,068.900"),
        (money(2_000), "+0.000002"),
        (money(0), "+0.000"),
        (reason_text("no_feasible_trial"), "no feasible trial"),
        (f"{Verdict.FAILED}", "failed"),
    ],
)
def test_words(rendered: str, expected: str) -> None:
    assert rendered == expected
