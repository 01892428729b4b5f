"""The parts of a window and of what it remembers: what a model is made of, and what little allows none."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset import basis
from services.trainer.dataset.rows import Rows
from services.trainer.dataset.sample import Sample
from services.trainer.dataset.split import split
from services.trainer.modelling.no_model import NoModelError
from services.trainer.modelling.training_data import (
    FoldIndices,
    check_classes,
    check_finite,
    is_trainable,
    trainable_folds,
    training_data_of,
)
from services.trainer.windows.count_windows import Window
from services.trainer.windows.memory import RememberedSample, weights
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.training import RunReason

MINUTE_NS = 60 * 10**9


def in_turn(at: int) -> int:
    return at % 2


def rows_of(count: int, life_ns: int = 0, label: Callable[[int], int] = in_turn, first: int = 0) -> Rows:
    """A row a minute, by placed time; the first feature goes with the label."""
    ids, zeros = first + np.arange(count), np.zeros(count, dtype=np.int64)
    labels = np.array([label(k) for k in range(count)], dtype=np.uint8)
    features = np.random.default_rng(first).standard_normal((count, FEATURE_COUNT)).astype(np.float32)
    features[:, 0] += 2.0 * labels
    return Rows(features, labels, ids * MINUTE_NS, ids * MINUTE_NS + life_ns, ids, ids + 1, zeros)


def window_of(rows: Rows, *before: Rows) -> Window:
    """A window of rows that remembers windows of others."""
    memory = tuple(bare(one, seq).remembered() for seq, one in enumerate(before, start=1))
    return replace(bare(rows, len(before) + 1), memory=memory)


def bare(rows: Rows, seq: int) -> Window:
    return Window("sim:A", seq, 0, int(rows.example_seq[0]), int(rows.example_seq[-1]), rows)


def part_of(count: int, life_ns: int = 0, label: Callable[[int], int] = in_turn) -> Sample:
    return Sample.of(rows_of(count, life_ns, label))


def refused(ask: Callable[[], object]) -> tuple[RunReason, str]:
    with pytest.raises(NoModelError) as caught:
        ask()
    return caught.value.reason, str(caught.value)


def sizes(folding: FoldIndices) -> list[tuple[int, int]]:
    return [(len(training), len(held_out)) for training, held_out in folding]


def test_parts_are_those_of_the_split() -> None:
    rows = rows_of(400)
    parts = training_data_of(window_of(rows))
    assert parts.whole.order_id.tolist() == list(range(400))
    assert parts.development.order_id.tolist() == list(range(340))
    assert parts.test.order_id.tolist() == list(range(340, 400))
    assert parts.test.features.shape == (60, FEATURE_COUNT)
    np.testing.assert_array_equal(parts.whole.features, basis.inputs(rows.features))
    assert (parts.purged, parts.weights.tolist()) == (0, [])
    assert set(parts.whole.weight.tolist()) == set(parts.development.weight.tolist()) == {1.0}


def test_parts_lie_in_the_order_of_placed_time_whatever_that_of_the_window() -> None:
    rows = rows_of(400)
    turned = rows.take(np.random.default_rng(1).permutation(400))
    parts = training_data_of(window_of(turned))
    for part, wanted in ((parts.whole, range(400)), (parts.development, range(340)), (parts.test, range(340, 400))):
        assert part.order_id.tolist() == list(wanted)


def test_rows_still_open_when_the_test_part_began_are_not_known() -> None:
    parts = training_data_of(window_of(rows_of(400, life_ns=30 * MINUTE_NS)))
    assert (len(parts.whole), len(parts.development), len(parts.test), parts.purged) == (400, 310, 60, 30)


def test_a_large_window_is_thinned_but_for_its_test_part() -> None:
    rows = rows_of(4200, life_ns=30 * MINUTE_NS, label=lambda k: k // 2 % 2)
    parts, cut = training_data_of(window_of(rows)), split(rows)
    assert parts.whole.order_id.tolist() == list(range(0, 4200, 2))
    assert parts.development.order_id.tolist() == list(range(0, len(cut.development), 2))
    assert parts.test.order_id.tolist() == rows.order_id[cut.test].tolist()
    assert parts.purged == cut.purged == 30


def test_what_is_remembered_comes_before_and_weighs_what_its_window_is_worth() -> None:
    before, rows = rows_of(300), rows_of(400, first=300)
    before.features[:] = rows.features[:] = 0.0  # nothing tells, so it may well have turned
    window = window_of(rows, before)
    parts = training_data_of(window)
    (worth,) = weights([window.memory[0].sample, Sample.of(rows)])[:-1].tolist()
    assert 0 < worth < 1
    assert parts.weights.tolist() == [worth]
    assert parts.whole.order_id.tolist() == list(range(700))
    assert parts.development.order_id.tolist() == list(range(640))
    assert parts.whole.weight.tolist() == [worth] * 300 + [1.0] * 400
    assert parts.development.weight.tolist() == [worth] * 300 + [1.0] * 340


def test_a_window_before_a_turn_is_left_out_and_its_weight_of_0_is_told() -> None:
    def turned(rows: Rows) -> Rows:
        return replace(rows, label=1 - rows.label)

    chance = np.random.default_rng(1)
    old, new = (lambda k: int(chance.random() < 0.5) for _ in range(2))
    before = [turned(rows_of(300, label=old, first=first)) for first in (0, 300)]
    after = [rows_of(300, label=new, first=first) for first in (600, 900)]
    parts = training_data_of(window_of(after[1], *before, after[0]))
    assert parts.weights[:2].tolist() == [0.0, 0.0]
    assert parts.weights[2] > 0.9
    assert parts.whole.order_id.tolist() == list(range(600, 1200))


def test_remembered_rows_still_open_when_the_test_part_began_are_not_known() -> None:
    before, rows = rows_of(300), rows_of(400, first=300)
    before.resolved_ns[290:] = rows.placed_ns[340]
    parts = training_data_of(window_of(rows, before))
    assert len(parts.whole) == 700
    assert parts.development.order_id.tolist() == [*range(290), *range(300, 640)]


def test_what_is_developed_on_is_what_is_known_or_all_where_that_is_of_no_use() -> None:
    parts = training_data_of(window_of(rows_of(400)))
    assert parts.search_rows is parts.development
    for rows in (
        rows_of(400, label=lambda k: in_turn(k) if k >= 340 else 0),
        rows_of(117),
        rows_of(400, 300 * MINUTE_NS),
    ):
        parts = training_data_of(window_of(rows))
        assert not is_trainable(parts.development)
        assert parts.search_rows is parts.whole


@pytest.mark.parametrize(("count", "is_usable"), [(99, False), (100, True)])
def test_a_part_of_use_has_a_mini_batch_of_rows_of_both_classes(count: int, is_usable: bool) -> None:
    assert is_trainable(part_of(count)) == is_usable
    for label in (0, 1):
        assert not is_trainable(part_of(count, label=lambda _, label=label: label))


def test_fewer_rows_than_a_mini_batch_allow_no_model() -> None:
    assert refused(lambda: training_data_of(window_of(rows_of(99)))) == (
        RunReason.TOO_FEW_ROWS,
        "99 rows; 100 are needed",
    )
    assert len(training_data_of(window_of(rows_of(100))).whole) == 100


def test_what_is_remembered_makes_up_for_a_small_window() -> None:
    parts = training_data_of(window_of(rows_of(60, first=60), rows_of(60)))
    assert len(parts.whole) == 120


@pytest.mark.parametrize(("label", "outcome"), [(0, "LOSS"), (1, "PROFIT")])
def test_one_class_allows_no_model(label: int, outcome: str) -> None:
    rows = rows_of(400, label=lambda _: label)
    assert refused(lambda: training_data_of(window_of(rows))) == (
        RunReason.ONE_CLASS,
        f"the window is {outcome} only: 400 rows",
    )
    before = rows_of(300, label=lambda _: label, first=400)
    assert refused(lambda: training_data_of(window_of(before, rows))) == (
        RunReason.ONE_CLASS,
        f"all that is remembered is {outcome} only: 700 rows",
    )


def test_what_is_remembered_makes_up_for_a_window_of_one_class() -> None:
    parts = training_data_of(window_of(rows_of(400, label=lambda _: 0, first=300), rows_of(300)))
    assert parts.weights[0] > 0
    assert is_trainable(parts.whole)
    assert is_trainable(parts.development)


def test_what_is_remembered_is_as_core_says() -> None:
    (one,) = window_of(rows_of(400, first=300), rows_of(300)).memory
    assert isinstance(one, RememberedSample)
    assert (one.seq, one.first_example_seq, one.last_example_seq, one.first_offset) == (1, 1, 300, 1)


def test_a_fold_whose_training_rows_are_of_one_class_is_left_out() -> None:
    """Both classes until row 120, of which the purge leaves nothing to the fold that holds the first hundred out."""
    folding = trainable_folds(part_of(300, 30 * MINUTE_NS, lambda k: k % 2 if k < 120 else 0), 3)
    assert sizes(folding) == [(140, 100), (170, 100)]
    assert [int(held_out[0]) for _, held_out in folding] == [100, 200]


def test_a_fold_with_too_few_training_rows_is_left_out() -> None:
    """Lives of 70 minutes: the fold in the middle keeps 30 rows before it and 30 after."""
    folding = trainable_folds(part_of(300, 70 * MINUTE_NS), 3)
    assert sizes(folding) == [(130, 100), (130, 100)]
    assert [int(held_out[0]) for _, held_out in folding] == [0, 200]


def test_fewer_than_two_usable_folds_are_none() -> None:
    assert trainable_folds(part_of(300, 120 * MINUTE_NS), 3) == []


@pytest.mark.parametrize(("count", "is_usable"), [(10, True), (11, False)])
def test_what_is_held_out_holds_thirty_rows(count: int, is_usable: bool) -> None:
    assert sizes(trainable_folds(part_of(300), count)) == ([(270, 30)] * 10 if is_usable else [])


def test_where_rows_held_out_are_of_one_class_there_are_no_folds() -> None:
    """Folds are of use by their training rows; the one whose own labels are mixed is left out for them."""
    assert trainable_folds(part_of(300, label=lambda k: k % 2 if k < 100 else 0), 3) == []


def test_a_feature_that_is_not_finite_is_counted_by_rows() -> None:
    rows = rows_of(100)
    check_finite(rows)
    rows.features[3, :2] = [np.nan, np.inf]
    rows.features[7, 1] = -np.inf
    words = (RunReason.NOT_FINITE, "2 of 100 rows hold a feature that is not finite")
    assert refused(lambda: check_finite(rows)) == words
    assert refused(lambda: training_data_of(window_of(rows))) == words


def test_classes() -> None:
    check_classes("it", np.array([0, 1], dtype=np.uint8))
    for label, word in ((0, "LOSS"), (1, "PROFIT")):
        reason, words = refused(lambda label=label: check_classes("it", np.full(3, label, dtype=np.uint8)))
        assert (reason, words) == (RunReason.ONE_CLASS, f"it is {word} only: 3 rows")
