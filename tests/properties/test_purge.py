"""The split and its folds drop exactly the rows that purgedcv, a library that shares no code with them, drops.

Its lives are half-open, `[placed, resolved)`, ours include the instant at which the label became known; so it is told
that a life ends a nanosecond later.
"""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from purgedcv import PurgedKFold, purge

from services.trainer.dataset import split as ours
from services.trainer.dataset.rows import Index, Rows
from tests import synthetic_rows

START_NS = 1_600_000_000 * 10**9
Lives = list[tuple[int, int]]
# Few instants, so that rows share them often; some lives of no length, some longer than all.
LIVES = st.lists(st.tuples(st.integers(0, 60), st.sampled_from([0, 1, 2, 5, 20, 90])), min_size=2, max_size=60).map(
    lambda pairs: sorted((START_NS + placed, START_NS + placed + life) for placed, life in pairs)
)
PROPERTY = settings(max_examples=200)


def rows_of(lives: Lives) -> Rows:
    """Rows in the order of placed time."""
    empty, (placed, resolved) = Rows.empty(len(lives)), np.array(lives, dtype=np.int64).T
    ids = np.arange(len(lives))
    return Rows(empty.features, np.zeros(len(lives), dtype=np.uint8), placed, resolved, ids, ids, ids)


def times(rows: Rows) -> dict[str, np.ndarray]:
    """As the library wants them."""
    return {
        "prediction_times": rows.placed_ns.astype("datetime64[ns]"),
        "evaluation_times": (rows.resolved_ns + 1).astype("datetime64[ns]"),
    }


def split_of_theirs(rows: Rows) -> tuple[list[int], list[int]]:
    first = len(rows) * 85 // 100
    earlier, test = np.arange(first), np.arange(first, len(rows))
    return purge(earlier, test, **times(rows)).tolist(), test.tolist()


def split_of_ours(rows: Rows) -> tuple[list[int], list[int]]:
    cut = ours.split(rows)
    assert len(cut.development) + len(cut.test) + cut.purged == len(rows)
    return cut.development.tolist(), cut.test.tolist()


def folds_of_theirs(rows: Rows, count: int) -> list[tuple[list[int], list[int]]]:
    cut = PurgedKFold(count, **times(rows)).split(np.empty((len(rows), 1)))
    return [(training.tolist(), held_out.tolist()) for training, held_out in cut if len(held_out)]


def folds_of_ours(rows: Rows, count: int) -> list[tuple[list[int], list[int]]]:
    cut = ours.purged_folds(rows, ours.in_placed_order(rows), count)
    return [(training.tolist(), held_out.tolist()) for training, held_out in cut]


@PROPERTY
@given(LIVES)
def test_the_split(lives: Lives) -> None:
    rows = rows_of(lives)
    assert split_of_ours(rows) == split_of_theirs(rows)


@PROPERTY
@given(LIVES, st.integers(2, 8))
def test_folds(lives: Lives, count: int) -> None:
    rows = rows_of(lives)
    assert folds_of_ours(rows, count) == folds_of_theirs(rows, count)


@pytest.mark.parametrize("seed", range(3))
def test_on_a_market(seed: int) -> None:
    made = synthetic_rows.market(seed, 400).rows
    rows = made.take(ours.in_placed_order(made))
    assert split_of_ours(rows) == split_of_theirs(rows)
    purged_folds = folds_of_ours(rows, 5)
    assert purged_folds == folds_of_theirs(rows, 5)
    assert all(0 < len(training) < len(rows) - len(held_out) for training, held_out in purged_folds)


def test_the_folds_of_a_part_that_was_purged() -> None:
    """As the run cuts them: the development part by itself, in its own indices."""
    made = synthetic_rows.market(4, 400).rows
    part = made.take(ours.split(made).development)
    assert folds_of_ours(part, 3) == folds_of_theirs(part, 3)


def disagreements() -> int:
    """On how many of some made-up sets of lives the split or the folds differ from the library's."""
    chance, found = np.random.default_rng(1), 0
    for _ in range(30):
        placed = START_NS + np.sort(chance.integers(0, 60, 40))
        rows = rows_of(list(zip(placed.tolist(), (placed + chance.integers(0, 9, 40)).tolist(), strict=True)))
        found += folds_of_ours(rows, 4) != folds_of_theirs(rows, 4) or split_of_ours(rows) != split_of_theirs(rows)
    return found


def late_before(rows: Rows, earlier: Index, later: Index) -> Index:
    return earlier[rows.resolved_ns[earlier] <= rows.placed_ns[later].min()] if len(later) else earlier


def early_after(rows: Rows, earlier: Index, later: Index) -> Index:
    return later[rows.placed_ns[later] >= rows.resolved_ns[earlier].max()] if len(earlier) else later


def last_rows_after(rows: Rows, earlier: Index, later: Index) -> Index:
    return later[rows.placed_ns[later] > rows.resolved_ns[earlier[-1]]] if len(earlier) else later


@pytest.mark.parametrize(
    ("name", "fault"),
    [("purged_before", late_before), ("purged_after", early_after), ("purged_after", last_rows_after)],
)
def test_a_planted_fault_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, fault: Callable[[Rows, Index, Index], Index]
) -> None:
    assert disagreements() == 0
    monkeypatch.setattr(ours, name, fault)
    assert disagreements() > 5
