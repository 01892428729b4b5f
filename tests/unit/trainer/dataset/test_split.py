"""The split, the purge and the effective sample size, by hand and against brute force."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.trainer.dataset.rows import Rows
from services.trainer.dataset.split import (
    average_uniqueness,
    effective_sample_size,
    in_placed_order,
    purged_after,
    purged_before,
    purged_folds,
    split,
)
from tests import synthetic_rows


def rows_of(lives: list[tuple[int, int]], order_ids: list[int] | None = None) -> Rows:
    """Rows with these placed and resolved times."""
    count = len(lives)
    placed, resolved = (np.array([life[end] for life in lives], dtype=np.int64) for end in (0, 1))
    zeros = np.zeros(count, dtype=np.int64)
    ids = np.array(order_ids or range(count), dtype=np.int64)
    return Rows(np.zeros((count, 1), dtype=np.float32), zeros.astype(np.uint8), placed, resolved, ids, zeros, zeros)


def test_by_hand() -> None:
    # Twenty rows placed at 0, 10, …, 190: 17 to develop on, 3 to test (from 170 on).
    lives = [(10 * k, 10 * k + 15) for k in range(20)]
    lives[0] = (0, 169)  # known when the test part begins
    lives[1] = (10, 170)  # known at that very instant: too late
    lives[2] = (20, 1000)  # open to the end
    cut = split(rows_of(lives))
    # 160 lives until 175, so it goes with rows 1 and 2.
    assert cut.development.tolist() == [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    assert cut.test.tolist() == [17, 18, 19]
    assert cut.purged == 3


def test_parts_follow_placed_time_and_order_id() -> None:
    order = in_placed_order(rows_of([(5, 6), (3, 4), (5, 9), (1, 2)], [7, 1, 6, 9]))
    assert order.tolist() == [3, 1, 2, 0]


def test_the_order_of_arrival_does_not_matter() -> None:
    made = synthetic_rows.market(1, 500).rows
    shuffled = made.take(np.random.default_rng(0).permutation(len(made)))
    one, other = split(made), split(shuffled)
    for name in ("development", "test"):
        a, b = made.order_id[getattr(one, name)], shuffled.order_id[getattr(other, name)]
        assert a.tolist() == b.tolist()


def test_parts_and_folds_share_no_future() -> None:
    made = synthetic_rows.market(2, 400).rows
    cut = split(made)
    assert made.resolved_ns[cut.development].max() < made.placed_ns[cut.test].min()
    for training, held_out in purged_folds(made, cut.development, 3):
        first, known = made.placed_ns[held_out].min(), made.resolved_ns[held_out].max()
        assert len(training)
        assert ((made.resolved_ns[training] < first) | (made.placed_ns[training] > known)).all()


LIVES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=40).map(
    lambda pairs: [(start, start + life) for start, life in pairs]
)


@given(LIVES)
def test_purge_against_brute_force(lives: list[tuple[int, int]]) -> None:
    order = sorted(range(len(lives)), key=lambda k: (lives[k][0], k))
    first = len(lives) * 85 // 100
    earlier, test = order[:first], order[first:]
    begins = min(lives[k][0] for k in test)
    kept = [k for k in earlier if lives[k][1] < begins]
    cut = split(rows_of(lives))
    assert [cut.development.tolist(), cut.test.tolist()] == [kept, test]
    assert cut.purged == len(earlier) - len(kept)


def test_nothing_to_purge_against() -> None:
    rows, nothing = rows_of([(0, 10), (1, 20)]), np.array([], dtype=np.intp)
    assert (
        purged_before(rows, np.arange(2), nothing).tolist()
        == purged_after(rows, nothing, np.arange(2)).tolist()
        == [0, 1]
    )


def test_folds_by_hand() -> None:
    # Three folds of two rows, placed at 0, 10, …, 50.
    lives = [(0, 9), (10, 20), (20, 25), (30, 40), (40, 45), (50, 99)]
    cut = [
        (training.tolist(), held_out.tolist()) for training, held_out in purged_folds(rows_of(lives), np.arange(6), 3)
    ]
    # Row 1 ends as row 2 begins, and row 4 begins as row 3 ends: either is too much. The last row's life harms nobody.
    assert cut == [([3, 4, 5], [0, 1]), ([0, 5], [2, 3]), ([0, 1, 2], [4, 5])]


def test_more_folds_than_rows() -> None:
    rows = rows_of([(0, 1), (5, 6)])
    assert [held_out.tolist() for _, held_out in purged_folds(rows, np.arange(2), 5)] == [[0], [1]]
    assert purged_folds(rows, np.array([], dtype=np.intp), 5) == []


@given(LIVES, st.integers(1, 6))
def test_folds_against_brute_force(lives: list[tuple[int, int]], count: int) -> None:
    rows = rows_of(lives)
    part = in_placed_order(rows)[: len(lives) * 3 // 4]
    ranks = {int(row): rank for rank, row in enumerate(part)}
    cut = purged_folds(rows, part, count)
    assert [row for _, held_out in cut for row in held_out] == part.tolist()
    assert len({len(held_out) for _, held_out in cut}) <= 2
    for training, held_out in cut:
        first, known = min(lives[row][0] for row in held_out), max(lives[row][1] for row in held_out)
        earlier = [row for row in part if ranks[row] < ranks[held_out[0]] and lives[row][1] < first]
        later = [row for row in part if ranks[row] > ranks[held_out[-1]] and lives[row][0] > known]
        assert training.tolist() == earlier + later


@given(LIVES)
def test_uniqueness_against_brute_force(lives: list[tuple[int, int]]) -> None:
    expected = []
    for start, end in lives:
        alive = [sum(a <= t < b for a, b in lives) for t in range(start, end)]
        expected.append(float(np.mean([1 / count for count in alive])))
    rows = rows_of(lives)
    found = average_uniqueness(rows.placed_ns, rows.resolved_ns)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert 0 < effective_sample_size(rows) <= len(lives) + 1e-9


def test_uniqueness_by_hand() -> None:
    # Two rows share the middle third of their joint time: each is alone for half of its life.
    rows = rows_of([(0, 20), (10, 30)])
    assert average_uniqueness(rows.placed_ns, rows.resolved_ns).tolist() == [0.75, 0.75]
    assert effective_sample_size(rows_of([(0, 10)] * 5)) == 1.0
    assert effective_sample_size(rows_of([])) == 0.0


def test_a_life_of_no_length_divides_by_nothing() -> None:
    rows = rows_of([(5, 5), (0, 10)])
    assert np.isfinite(average_uniqueness(rows.placed_ns, rows.resolved_ns)).all()
