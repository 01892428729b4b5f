"""The yardstick of `make quality`: its markets, its contenders, and that it can tell a good model from a bad one."""

import json
from itertools import islice

import numpy as np
import pytest

from tests.quality import __main__ as quality
from tests.quality.contenders import oracle, plain, threshold
from tests.quality.streams import planted, windows

SIZE = 1_500


@pytest.fixture(scope="module")
def pair() -> list:
    return list(islice(windows(3, 1.0, SIZE), 2))


def test_windows_are_consecutive_and_the_same_each_time(pair: list) -> None:
    first, second = pair
    assert first.rows.example_seq.tolist() == list(range(1, SIZE + 1))
    assert second.rows.example_seq.tolist() == list(range(SIZE + 1, 2 * SIZE + 1))
    again = next(windows(3, 1.0, SIZE))
    assert again.rows.features.tobytes() == first.rows.features.tobytes()
    assert again.rows.label.tobytes() == first.rows.label.tobytes()


def test_the_planted_function_is_the_distance_to_the_mean_of_ten_minutes() -> None:
    features = np.zeros((1, 605), dtype=np.float32)
    features[0, 5:] = np.arange(600)  # 0 one second ago, 599 six hundred seconds ago
    assert planted(features)[0] == pytest.approx(299.5)


def test_a_threshold_is_as_precise_as_the_recall_allows() -> None:
    scores = np.arange(400.0)
    labels = (scores >= 300).astype(np.uint8)
    found = threshold(scores, labels)
    flags = scores >= found
    assert labels[flags].all()
    assert labels[flags].sum() >= 25


def test_a_threshold_that_nothing_allows_flags_nothing() -> None:
    assert threshold(np.arange(5.0), np.zeros(5, dtype=np.uint8)) > 4


def test_both_contenders_flag_some_rows_of_the_window_they_know(pair: list) -> None:
    rows = pair[0].rows
    rule = plain(rows)
    assert 0 < oracle(rows).flags(rows).mean() < 1
    assert rule is None or 0 <= rule.flags(rows).mean() <= 1


def test_the_pool_pools_before_it_subtracts() -> None:
    pool = quality.Pool()
    pool.add(np.array([True, False]), np.array([1, 0]))
    pool.add(np.array([True, True, False, False]), np.array([1, 0, 0, 0]))
    found = pool.figures()
    assert (found["base_rate"], found["precision"], found["recall"]) == (round(2 / 6, 4), round(2 / 3, 4), 1.0)
    assert found["lift"] == round(2 / 3 - 2 / 6, 4)
    assert found["share_in_range"] == 1.0


def test_a_small_one_prints_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert quality.main(["--seeds", "1", "--windows", "1", "--window", "1500", "--kind", "edge"]) == 0
    one, mean = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (one["seed"], one["planted"]["windows"], mean["seeds"]) == (1, 1, 1)
