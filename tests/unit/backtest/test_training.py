"""One configuration trained: the worker's own runs, and the orders its models flagged."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from backtest.training import TrainingResult, train
from services.trainer.settings import Settings
from tests.synthetic_rows import INSTRUMENT, examples, market
from tidewheel.domain.comparison import ConfigurationOrders
from tidewheel.domain.features import Example
from tidewheel.domain.time import NS_PER_S

SIZE, WINDOWS = 300, 9
MARKET = market(5, 1_500, edge=0.5)
ROWS = MARKET.part(0, SIZE * WINDOWS + 40)
SETTINGS = Settings(window=SIZE, memory=3, trials=2)


def trained(settings: Settings = SETTINGS, partition: int = 1, rows: list[Example] | None = None) -> TrainingResult:
    ended: list[int] = []
    found = train(rows or examples(ROWS), settings, INSTRUMENT, partition, ended.append)
    assert ended == [run.seq for run in found.runs]
    return found


@pytest.fixture(scope="module")
def usual() -> TrainingResult:
    return trained()


def hashes(found: TrainingResult) -> list[str]:
    return [run.result.sha256 for run in found.runs if run.result]


def test_every_window_ends_and_the_same_rows_give_the_same(usual: TrainingResult) -> None:
    assert [run.seq for run in usual.runs] == list(range(1, WINDOWS + 1))
    assert [run.scorecard is not None for run in usual.runs] == [True] * (WINDOWS - 1) + [False]
    assert usual.pooled.models == WINDOWS - 1
    again = trained()
    assert hashes(again) == hashes(usual)
    assert again.runs == usual.runs
    assert again.pooled == usual.pooled


def changed() -> Iterator[tuple[str, TrainingResult]]:
    yield "another partition", trained(partition=0)
    yield "another seed", trained(replace(SETTINGS, seed=2))
    rows = examples(ROWS)
    rows[7] = replace(rows[7], label=1 - rows[7].label)
    yield "another label", trained(rows=rows)


def test_models_tell_every_change(usual: TrainingResult) -> None:
    for name, other in changed():
        assert len(hashes(other)) == len(hashes(usual)), name
        assert hashes(other)[0] != hashes(usual)[0], name


def test_flagged_orders_are_the_bettors(usual: TrainingResult) -> None:
    """All that she bet on is among them, and nothing that was placed before she began."""
    flagged, account = usual.flagged, usual.pooled.account
    assert flagged
    assert account
    assert account.bettor.bets > 0
    assert (flagged.placed_ns > flagged.from_ns).all()
    places = dict(zip(flagged.placed_ns.tolist(), flagged.resolved_ns.tolist(), strict=True))
    assert [bet for bet in account.bettor.pending if places[bet.placed_ns] != bet.resolved_ns] == []
    # Of the first model that is judged in a known unit: that of the second window, in what the first one showed.
    first, second = ROWS.take(slice(0, SIZE)), ROWS.take(slice(SIZE, 2 * SIZE))
    assert flagged.from_ns == second.resolved_ns.max()
    assert flagged.unit_e9 == second.largest_pnl_e9
    assert flagged.holding_ns == int(np.median(first.resolved_ns - first.placed_ns)) > NS_PER_S


def test_each_order_is_flagged_once_where_windows_overlap() -> None:
    found = trained(replace(SETTINGS, step=100, due_each=2))
    flagged = found.flagged
    assert isinstance(flagged, ConfigurationOrders)
    assert len(set(flagged.placed_ns.tolist())) == len(flagged.placed_ns) > 50
    assert {run.reason for run in found.runs} >= {"not_due"}


def test_without_a_second_window_nothing_is_flagged() -> None:
    assert trained(rows=examples(ROWS.take(slice(0, SIZE)))).flagged is None
    nothing = train([], SETTINGS, INSTRUMENT, 0, lambda _: None)
    assert (nothing.runs, nothing.flagged, nothing.pooled.models) == ((), None, 0)


def test_proven_keeps_models_back_and_says_so() -> None:
    found = trained(replace(SETTINGS, promotion="proven"))
    assert {run.reason for run in found.runs} <= {"not_proven", ""}
    assert found.runs[0].reason == "not_proven"
