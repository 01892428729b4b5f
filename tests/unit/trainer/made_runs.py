"""Runs on one made-up window: whole, changed, or refused."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.reasons import NoModel, RunReason
from services.trainer.rows import Rows
from services.trainer.run import USUAL, Beginning, Candidate, make
from tests import made_rows
from tidewheel.domain.training import RunEvent, Step

SIZE = 2000
CONFIG = TrainingConfig(window=SIZE, step=SIZE, trials=4, neighbours=4)


@cache
def a_market(edge: float = 0.4) -> made_rows.Market:
    return made_rows.market(5, 2 * SIZE // made_rows.PER_SECOND + 100, edge)


@cache
def a_window(edge: float = 0.4) -> Window:
    return a_market(edge).window(1, SIZE)


def changed(change: Callable[[Rows], Rows]) -> Window:
    window = a_window()
    copied = Rows(*(column.copy() for column in window.rows.columns()))
    return replace(window, rows=change(copied))


def made(
    window: Window, config: TrainingConfig = CONFIG, beginning: Beginning = USUAL
) -> tuple[Candidate, list[RunEvent]]:
    events: list[RunEvent] = []
    return make(window, config, events.append, beginning), events


@cache
def plain() -> tuple[Candidate, list[RunEvent]]:
    return made(a_window())


def refusal(window: Window) -> tuple[RunReason, list[Step]]:
    events: list[RunEvent] = []
    with pytest.raises(NoModel) as caught:
        make(window, CONFIG, events.append)
    return caught.value.reason, [event.step for event in events]
