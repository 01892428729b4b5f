"""The same rows and configuration give the same model bytes, wherever on the topic the rows happen to lie.

Offsets count the markers of Kafka's transactions too, which fall as the time does: two runs on one file put the same
examples at different offsets.
"""

from dataclasses import replace

import pytest

from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.run import make
from tests import made_rows

SIZE = 2000
CONFIG = TrainingConfig(window=SIZE, step=SIZE, trials=2, neighbours=4)


def bytes_of(window: Window) -> bytes:
    return make(window, CONFIG, lambda event: None).model_bytes


@pytest.fixture(scope="module")
def window() -> Window:
    return made_rows.market(5, 2 * SIZE // made_rows.PER_SECOND + 100, 0.4).window(1, SIZE)


def test_made_twice(window: Window) -> None:
    assert bytes_of(window) == bytes_of(window)


def test_made_from_the_same_rows_at_other_offsets(window: Window) -> None:
    moved = replace(window, first_offset=window.first_offset + 1, last_offset=window.last_offset + 3)
    assert bytes_of(moved) == bytes_of(window)
