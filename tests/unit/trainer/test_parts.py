"""The parts of a window: what is of use, and what ends a run before any time is spent."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from services.trainer.parts import Folding, check_classes, check_finite, parts_of, usable_folds
from services.trainer.reasons import NoModel, RunReason
from services.trainer.rows import Rows
from services.trainer.split import split

MINUTE_NS = 60 * 10**9


def rows_of(count: int, life_ns: int = 0, label: Callable[[int], int] = lambda k: k % 2) -> Rows:
    """A row a minute, by placed time."""
    zeros, ids = np.zeros(count, dtype=np.int64), np.arange(count)
    labels = np.array([label(k) for k in range(count)], dtype=np.uint8)
    features = np.zeros((count, 2), dtype=np.float32)
    return Rows(features, labels, ids * MINUTE_NS, ids * MINUTE_NS + life_ns, ids, ids, zeros)


def refused(ask: Callable[[], object]) -> tuple[RunReason, str]:
    with pytest.raises(NoModel) as caught:
        ask()
    return caught.value.reason, str(caught.value)


def sizes(folding: Folding) -> list[tuple[int, int]]:
    return [(len(training), len(held_out)) for training, held_out in folding]


def test_parts_are_those_of_the_split_and_folds_lie_in_the_earlier() -> None:
    rows = rows_of(400)
    parts = parts_of(rows, split(rows), 3)
    assert parts.development.order_id.tolist() == list(range(340))
    assert parts.test.order_id.tolist() == list(range(340, 400))
    assert np.concatenate([held_out for _, held_out in parts.folds]).tolist() == list(range(340))
    assert sizes(parts.folds) == [(226, 114), (227, 113), (227, 113)]


def test_a_development_part_too_small() -> None:
    rows = rows_of(152)
    assert refused(lambda: parts_of(rows, split(rows), 2)) == (
        RunReason.TOO_FEW_ROWS,
        "the development part holds 129 rows after 0 were purged; 130 are needed",
    )
    rows = rows_of(153)  # 130, so that the test part is the next to be too small
    assert refused(lambda: parts_of(rows, split(rows), 2))[1].startswith("the test part holds 23 rows")


def test_a_test_part_too_small() -> None:
    rows = rows_of(199)
    cut = split(rows)
    assert len(cut.test) == 30
    assert len(parts_of(rows, cut, 3).test) == 30
    reason, words = refused(lambda: parts_of(rows, replace(cut, test=cut.test[:29]), 3))
    assert reason is RunReason.TOO_FEW_ROWS
    assert words.startswith("the test part holds 29 rows")


def test_a_purge_that_takes_too_much_says_why() -> None:
    rows = rows_of(400, life_ns=250 * MINUTE_NS)
    reason, words = refused(lambda: parts_of(rows, split(rows), 3))
    assert reason is RunReason.TOO_FEW_ROWS
    assert "the development part holds 90 rows after 250 were purged; 130 are needed" in words
    assert "labels live for 250 min" in words
    assert "placed within 399 min" in words


@pytest.mark.parametrize(("which", "first", "end"), [("development", 0, 340), ("test", 340, 400)])
def test_a_part_of_one_class(which: str, first: int, end: int) -> None:
    rows = rows_of(400, label=lambda k: 1 if first <= k < end else k % 2)
    reason, words = refused(lambda: parts_of(rows, split(rows), 3))
    assert (reason, words) == (RunReason.ONE_CLASS, f"the {which} part is PROFIT only: {end - first} rows")


def test_a_fold_whose_training_rows_are_of_one_class_is_left_out() -> None:
    """Both classes until row 120, of which the purge leaves nothing to the fold that holds the first hundred out."""
    rows = rows_of(300, life_ns=30 * MINUTE_NS, label=lambda k: k % 2 if k < 120 else 0)
    folding = usable_folds(rows, 3)
    assert sizes(folding) == [(140, 100), (170, 100)]
    assert [int(held_out[0]) for _, held_out in folding] == [100, 200]


def test_a_fold_with_too_few_training_rows_is_left_out() -> None:
    """Lives of 70 minutes: the fold in the middle keeps 30 rows before it and 30 after."""
    rows = rows_of(300, life_ns=70 * MINUTE_NS)
    folding = usable_folds(rows, 3)
    assert sizes(folding) == [(130, 100), (130, 100)]
    assert [int(held_out[0]) for _, held_out in folding] == [0, 200]


def test_fewer_than_two_usable_folds() -> None:
    rows = rows_of(300, life_ns=120 * MINUTE_NS)
    reason, words = refused(lambda: usable_folds(rows, 3))
    assert reason is RunReason.TOO_FEW_ROWS
    assert words.startswith("0 of 3 folds leave rows of both classes to train on after their purge; 2 are needed")
    assert "labels live for 120 min" in words


@pytest.mark.parametrize(("count", "usable"), [(10, True), (11, False)])
def test_what_is_held_out_holds_thirty_rows(count: int, usable: bool) -> None:
    rows = rows_of(300)
    if usable:
        assert sizes(usable_folds(rows, count)) == [(270, 30)] * 10
    else:
        assert refused(lambda: usable_folds(rows, count))[0] is RunReason.TOO_FEW_ROWS


def test_rows_held_out_of_one_class_are_told() -> None:
    """Folds are of use by their training rows; the one whose own labels are mixed is left out for them."""
    rows = rows_of(300, label=lambda k: k % 2 if k < 100 else 0)
    reason, words = refused(lambda: usable_folds(rows, 3))
    assert (reason, words) == (RunReason.ONE_CLASS, "what the folds hold out is LOSS only: 200 rows")


def test_a_feature_that_is_not_finite_is_counted_by_rows() -> None:
    rows = rows_of(10)
    check_finite(rows)
    rows.features[3] = [np.nan, np.inf]
    rows.features[7, 1] = -np.inf
    assert refused(lambda: check_finite(rows)) == (
        RunReason.NOT_FINITE,
        "2 of 10 rows hold a feature that is not finite",
    )


def test_classes() -> None:
    check_classes("it", np.array([0, 1], dtype=np.uint8))
    for label, word in ((0, "LOSS"), (1, "PROFIT")):
        reason, words = refused(lambda label=label: check_classes("it", np.full(3, label, dtype=np.uint8)))
        assert (reason, words) == (RunReason.ONE_CLASS, f"it is {word} only: 3 rows")
