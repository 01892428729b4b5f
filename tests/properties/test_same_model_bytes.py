"""The same rows, those remembered too, and configuration give the same model bytes, wherever on the topic they lie.

Offsets count the markers of Kafka's transactions too, which fall as the time does: two runs on one file put the same
examples at different offsets.
"""

from dataclasses import replace

import pytest

from services.trainer.core import train_candidate
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tests import synthetic_rows

SIZE = 2000
CONFIG = TrainingConfig(window=SIZE, step=SIZE, trials=2, neighbours=4)


def bytes_of(window: Window) -> bytes:
    return train_candidate(window, CONFIG, lambda event: None).model_bytes


def made_window(remembering: bool) -> Window:
    """The second of a market; it remembers the first, or nothing."""
    market = synthetic_rows.market(5, 3 * SIZE // synthetic_rows.PER_SECOND + 100, 0.4)
    memory = (market.window(1, SIZE).remembered(),) if remembering else ()
    return replace(market.window(2, SIZE), memory=memory)


@pytest.fixture(scope="module", params=[False, True], ids=["alone", "remembering"])
def window(request: pytest.FixtureRequest) -> Window:
    return made_window(request.param)


def test_made_twice(window: Window) -> None:
    assert bytes_of(window) == bytes_of(window)


def test_made_from_the_same_rows_at_other_offsets(window: Window) -> None:
    memory = tuple(replace(one, first_offset=one.first_offset + 1) for one in window.memory)
    moved = replace(window, first_offset=window.first_offset + 2, last_offset=window.last_offset + 3, memory=memory)
    assert bytes_of(moved) == bytes_of(window)


def test_what_is_remembered_is_part_of_the_bytes() -> None:
    assert bytes_of(made_window(True)) != bytes_of(made_window(False))
