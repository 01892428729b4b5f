"""Rows as the learner sees them: which of them, in what order, worth what."""

import numpy as np
import pytest

from services.trainer.dataset import basis
from services.trainer.dataset.rows import Rows
from services.trainer.dataset.sample import EVERY, ROWS_ENOUGH, Sample, thinned
from tests.unit.trainer import made_parts
from tidewheel.domain.features import FEATURE_COUNT


def test_of_a_usual_window_one_row_in_five_is_shown() -> None:
    shown = thinned(10_000)
    assert len(shown) == 2_000
    assert shown.tolist() == list(range(0, 10_000, 5))


@pytest.mark.parametrize("count", [0, 1, 200, ROWS_ENOUGH, 2 * ROWS_ENOUGH - 1])
def test_a_small_window_is_shown_whole(count: int) -> None:
    assert thinned(count).tolist() == list(range(count))


@pytest.mark.parametrize(
    ("count", "every"), [(4_000, 2), (5_999, 2), (6_000, 3), (9_999, 4), (10_001, 5), (1_000_000, EVERY)]
)
def test_no_window_is_thinned_to_fewer_rows_than_are_enough(count: int, every: int) -> None:
    shown = thinned(count)
    assert shown.tolist() == list(range(0, count, every))
    assert len(shown) >= ROWS_ENOUGH


def test_a_sample_of_rows_has_their_inputs_and_each_is_worth_one() -> None:
    rows = Rows.empty(7)
    for column in rows.columns():
        column[...] = np.random.default_rng(1).integers(0, 2, column.shape)
    sample = Sample.of(rows)
    assert len(sample) == 7
    np.testing.assert_array_equal(sample.features, basis.inputs(rows.features))
    for name in ("label", "placed_ns", "resolved_ns", "order_id"):
        np.testing.assert_array_equal(getattr(sample, name), getattr(rows, name))
    assert sample.weight.tolist() == [1.0] * 7


def test_a_sample_holds_no_memory_of_its_window() -> None:
    """Windows remembered would hold all their rows else, ten times as many and twenty times as wide."""
    rows = Rows.empty(7)
    assert rows.features.shape[1] == FEATURE_COUNT
    for column in Sample.of(rows).columns():
        assert not any(np.shares_memory(column, other) for other in rows.columns())


def test_joined_rows_lie_in_the_order_of_placed_time_and_ties_in_that_of_the_order_id() -> None:
    early, late = made_parts.part(1, 10), made_parts.part(2, 10, from_s=5)
    late.order_id[:] += 100
    early.placed_ns[3] = early.placed_ns[2]
    early.order_id[2:4] = 3, 2
    concatenated = Sample.concatenated([late, early])
    keys = list(zip(concatenated.placed_ns.tolist(), concatenated.order_id.tolist(), strict=True))
    assert len(concatenated) == 20
    assert keys == sorted(keys)


def test_joined_rows_keep_what_they_came_with() -> None:
    early, late = made_parts.part(1, 10).with_weight(0.25), made_parts.part(2, 10, from_s=5)
    late.order_id[:] += 100
    concatenated = Sample.concatenated([late, early])
    for sample in (early, late):
        which = np.isin(concatenated.order_id, sample.order_id)
        for column, wanted in zip(concatenated.take(which).columns(), sample.columns(), strict=True):
            np.testing.assert_array_equal(column, wanted)


def test_one_sample_joined_is_itself() -> None:
    one = made_parts.part(1, 10)
    for column, wanted in zip(Sample.concatenated([one]).columns(), one.columns(), strict=True):
        np.testing.assert_array_equal(column, wanted)


def test_rows_taken_are_whole_rows() -> None:
    sample = made_parts.part(1, 10).with_weight(0.5)
    for which in (np.array([7, 2]), np.arange(10) % 3 == 0, slice(2, 5)):
        taken = sample.take(which)
        for column, wanted in zip(taken.columns(), sample.columns(), strict=True):
            np.testing.assert_array_equal(column, wanted[which])


def test_weighing_changes_the_weight_alone() -> None:
    sample = made_parts.part(1, 10)
    lighter = sample.with_weight(0.25)
    assert lighter.weight.tolist() == [0.25] * 10
    assert sample.weight.tolist() == [1.0] * 10
    for column, wanted in list(zip(lighter.columns(), sample.columns(), strict=True))[:-1]:
        assert column is wanted
