"""What rows say of themselves."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.rows import Rows
from tidewheel.domain.features import HISTORY_S

S = 1_000_000_000


@pytest.mark.parametrize(
    ("placed_s", "breaks"),
    [
        ([], 0),
        ([5], 0),
        ([5, 5 + HISTORY_S - 1], 0),
        ([5, 5 + HISTORY_S], 1),
        ([9, 5, 3_000, 2_999, 3_001, 9_000], 2),
    ],
)
def test_breaks_are_where_no_history_reaches_from_one_order_to_the_next(placed_s: list[int], breaks: int) -> None:
    rows = replace(Rows.empty(len(placed_s)), placed_ns=np.array(placed_s, dtype=np.int64) * S)
    assert rows.breaks == breaks
