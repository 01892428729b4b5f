"""How much may be set aside before a service stops."""

import pytest

from tidewheel.runtime.dead_letters import DeadLetterLimit
from tidewheel.runtime.process import Unusable


def test_a_few_in_a_row_pass_and_one_more_stops() -> None:
    limit = DeadLetterLimit(run_max=3, share_max=1.0)
    for _ in range(5):
        limit.good(100)
        for _ in range(3):
            limit.bad()
    with pytest.raises(Unusable, match="4 bad records in a row"):
        limit.bad()


def test_no_good_one_between_two_bad_ones_leaves_them_in_a_row() -> None:
    limit = DeadLetterLimit(run_max=3, share_max=1.0)
    limit.good(1_000_000)
    for _ in range(3):
        limit.bad()
        limit.good(0)
    with pytest.raises(Unusable, match="4 bad records in a row"):
        limit.bad()


def test_more_than_the_share_stops_but_not_of_a_handful() -> None:
    limit = DeadLetterLimit(run_max=10, share_max=0.5)
    for _ in range(10):  # of the first twenty, half
        limit.bad()
        limit.good()
    with pytest.raises(Unusable, match="11 of 21 records were bad"):
        limit.bad()
