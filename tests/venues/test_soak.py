"""A bad day made by chance, short: what was said adds up with what was heard; and the proof can fail."""

import dataclasses
from collections import Counter

from tests.venues.soak import ACTS, soak

QUOTES = 2_500


def test_every_message_of_a_bad_day_is_accounted_for() -> None:
    soaked = soak(1, lambda day: day.seq >= QUOTES)
    assert soaked.faults() == []
    assert set(soaked.day.acts) == set(ACTS)
    assert soaked.server.connections > 10
    assert soaked.listener.rejected
    assert soaked.conflated
    unheard = dataclasses.replace(soaked, frames=soaked.frames - Counter({"other": 1}))
    unexplained = dataclasses.replace(soaked, conflated=soaked.conflated - 1)
    assert [len(one.faults()) for one in (unheard, unexplained)] == [1, 1]
    soaked.listener.ticks.pop()
    assert soaked.faults(), "a tick that is gone is noticed"
