"""The yardstick of `make quality`: its markets, its contenders, and that it can tell a good model from a bad one."""

import json
from dataclasses import replace
from itertools import islice, pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from bench.quality import __main__ as quality
from bench.quality import flips
from bench.quality.contenders import oracle, plain, threshold
from bench.quality.flips import SinceFlip, first, likeness_to_new
from bench.quality.goals import means
from bench.quality.pool import Pool
from bench.quality.streams import bent, flipped, half_way_s, planted, pulled, windows
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tests.synthetic_models import make_model
from tidewheel.domain.models import Model

SIZE = 1_500
FLIP_S = half_way_s(4, SIZE)


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


@pytest.fixture(scope="module")
def turning() -> list[Window]:
    return list(islice(windows(3, 1.0, SIZE, flip_s=FLIP_S), 4))


def mids(of_ago: np.ndarray) -> np.ndarray:
    """Features of one row whose mids, from one second ago on, are these."""
    features = np.zeros((1, 605), dtype=np.float32)
    features[0, 5:] = of_ago
    return features


def test_the_planted_function_is_the_distance_to_the_mean_of_ten_minutes() -> None:
    assert pulled(mids(np.arange(600)))[0] == pytest.approx(299.5)


def test_the_planted_function_of_a_market_that_flips_is_the_bend() -> None:
    ago = np.arange(1, 601)
    assert bent(mids(3 + 7 * ago))[0] == pytest.approx(0)
    # The second difference of x² is twice the square of the distance; the newest half minute is not in it.
    assert bent(mids(np.where(ago > 30, (ago / 160) ** 2, 9e9)))[0] == pytest.approx(2, rel=1e-4)


def test_half_way_the_edge_turns(turning: list[Window]) -> None:
    placed = np.concatenate([window.rows.placed_ns for window in turning])
    after = np.concatenate([flipped(window.rows, FLIP_S) for window in turning])
    assert 0.3 < after.mean() < 0.7
    assert placed[after].min() - placed[~after].max() <= 10**9
    for window in turning:
        signs = np.where(flipped(window.rows, FLIP_S), -1, 1)
        assert (planted(window.rows, FLIP_S) == signs * bent(window.rows.features)).all()


def test_a_smaller_step_gives_the_same_rows_more_often(turning: list[Window]) -> None:
    more = list(islice(windows(3, 1.0, SIZE, step=SIZE // 3, flip_s=FLIP_S), 4))
    assert [window.rows.example_seq[0] for window in more] == [1, 501, 1_001, 1_501]
    assert more[3].rows.features.tobytes() == turning[1].rows.features.tobytes()


def model_of(sign: int) -> Model:
    """It scores by the bend, or against it."""
    weights = np.concatenate((np.zeros(5), np.repeat([0.0, 1.0, -2.0, 1.0, 0.0], (30, 160, 160, 160, 90))))
    return replace(make_model(1), coefficients=sign * 1e-4 * weights, mean=np.zeros(605), std=np.ones(605))


def test_models_count_from_the_first_window_that_holds_a_row_after_the_flip(turning: list[Window]) -> None:
    found = SinceFlip(FLIP_S)
    models = (model_of(1), None, model_of(-1))
    for (window, following), model in zip(pairwise(turning), models, strict=True):
        found.add(window, model, following.rows)
    holding = [bool(flipped(window.rows, FLIP_S).any()) for window in turning[:-1]]
    assert holding == sorted(holding)
    assert len(found.before) == holding.count(False)
    assert (*found.before, *found.since) == (pytest.approx(-1, abs=0.01), None, pytest.approx(1, abs=0.01))


def test_no_model_or_one_that_says_always_the_same_is_not_like_the_new_edge(turning: list[Window]) -> None:
    later = turning[0].rows
    assert likeness_to_new(None, later) is None
    assert likeness_to_new(model_of(0), later) is None
    assert first([None, -0.1, 0.0, 0.2, -0.3]) == 4
    assert first([None, -0.1]) is None


@pytest.mark.parametrize(("sign", "number"), [(-1, 1), (1, None)])
def test_by_steps_each_model_is_judged_on_the_window_after_its_own(
    sign: int, number: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[int] = []

    def made(window: Window, _: TrainingConfig) -> SimpleNamespace:
        closed.append(window.rows.example_seq[-1])
        assert flipped(window.rows, FLIP_S).any()
        return SimpleNamespace(model=model_of(sign))

    monkeypatch.setattr(flips, "candidate_of", made)
    found = flips.by_steps(3, 1.0, TrainingConfig(window=SIZE), FLIP_S)
    assert found["since_flip"] == [pytest.approx(-sign, abs=0.01)] * 10
    assert found["first"] == number
    assert np.diff(closed).tolist() == [SIZE // 10] * 9


def test_the_goals_of_a_flip_count_seeds_in_time() -> None:
    zero = {"lift": 0.0}

    def seed(windows: int | None, steps: int | None, since: list[float | None]) -> dict:
        by_steps = {"first": steps, "since_flip": [-1] * 5 + since}
        flip = {"flip": {"first": windows, "since_flip": since}, "flip_by_steps": by_steps}
        return {**flip, "planted": zero, "tidewheel": zero, "plain": zero}

    made = [seed(3, 10, [-1, -1, 1, None]), seed(4, 11, [-1, -1, -1, 1]), seed(None, None, [-1]), seed(1, 1, [1, 1, 1])]
    found = list(means("flip", made).values())
    assert found[:4] == ["flip", 4, 0.5, 0.5]
    # The third window: 1, -1, none, 1. Nobody made a tenth step.
    assert found[4:8] == [round(1 / 3, 4), 0.0, 0.6, round(5 / 12, 4)]


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
    pool = Pool()
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
    assert "flip" not in one


def test_a_small_one_that_flips_prints_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert quality.main(["--seeds", "1", "--windows", "2", "--window", "1500", "--kind", "flip"]) == 0
    one, mean = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (one["seed"], one["planted"]["windows"], mean["seeds"]) == (1, 2, 1)
    assert len(one["flip"]["before_flip"]) + len(one["flip"]["since_flip"]) == 2
    assert (one["flip_by_steps"]["step"], len(one["flip_by_steps"]["since_flip"])) == (150, 10)
