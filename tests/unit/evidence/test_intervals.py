"""Quantiles against a printed table."""

import pytest

from tidewheel.evidence.intervals import student_t_quantile

TABLE = {
    1: (3.078, 12.706, 31.821),
    2: (1.886, 4.303, 6.965),
    3: (1.638, 3.182, 4.541),
    4: (1.533, 2.776, 3.747),
    7: (1.415, 2.365, 2.998),
    19: (1.328, 2.093, 2.539),
}


@pytest.mark.parametrize("degrees", TABLE)
def test_students_t(degrees: int) -> None:
    assert [student_t_quantile(level, degrees) for level in (0.90, 0.975, 0.99)] == pytest.approx(
        TABLE[degrees], rel=0.005
    )
