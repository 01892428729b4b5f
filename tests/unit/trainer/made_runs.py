"""Runs on one made-up window: whole, changed, or refused."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from services.trainer.core import DEFAULT_START, SearchStart, train_candidate
from services.trainer.dataset.rows import Rows
from services.trainer.modelling.assembly import Candidate
from services.trainer.modelling.no_model import NoModelError
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tests import synthetic_rows
from tidewheel.domain.training import RunEvent, RunReason, Step

SIZE = 2000
CONFIG = TrainingConfig(window=SIZE, step=SIZE, trials=4, neighbours=4)


@cache
def a_market(edge: float = 0.4) -> synthetic_rows.Market:
    return synthetic_rows.market(5, 2 * SIZE // synthetic_rows.PER_SECOND + 100, edge)


@cache
def a_window(edge: float = 0.4) -> Window:
    return a_market(edge).window(1, SIZE)


def changed(change: Callable[[Rows], Rows]) -> Window:
    window = a_window()
    copied = Rows(*(column.copy() for column in window.rows.columns()))
    return replace(window, rows=change(copied))


def made(
    window: Window, config: TrainingConfig = CONFIG, search_start: SearchStart = DEFAULT_START
) -> tuple[Candidate, list[RunEvent]]:
    events: list[RunEvent] = []
    return train_candidate(window, config, events.append, search_start), events


@cache
def plain() -> tuple[Candidate, list[RunEvent]]:
    return made(a_window())


def refusal(window: Window) -> tuple[RunReason, list[Step]]:
    events: list[RunEvent] = []
    with pytest.raises(NoModelError) as caught:
        train_candidate(window, CONFIG, events.append)
    return caught.value.reason, [event.step for event in events]
