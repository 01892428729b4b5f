"""What windows before are worth: all of them while a market holds, those before a turn nothing."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.sample import Sample
from services.trainer.dataset.split import effective_sample_size
from services.trainer.windows import memory
from services.trainer.windows.memory import Moments, weights
from tests.unit.trainer import made_parts, naive

COUNT = 600


def windows(signals: list[float], seed: int = 1, count: int = COUNT) -> list[Sample]:
    """Window after window; of each the signal that its market holds."""
    return [made_parts.part(100 * seed + at, count, signal, from_s=at * count) for at, signal in enumerate(signals)]


def by_hand(given: list[Sample]) -> list[float]:
    constants = (memory.RIDGE, memory.RIDGE_WINDOWS, memory.PRIOR_ROWS, memory.EVIDENCE, memory.LEFT_OUT)
    return naive.worth_of_windows(given, memory.TURNS, *constants)


def beforehand(count: int) -> list[float]:
    """What so many windows are worth where nothing speaks for a turn or against it."""
    holds = [(1 - memory.TURNS) ** windows for windows in range(count)]
    likely = [*(memory.TURNS * held for held in holds[:-1]), holds[-1]]
    shared = [chance / windows for windows, chance in enumerate(likely, 1)]
    return [sum(shared[since:]) / sum(shared) for since in range(count)][::-1]


@pytest.mark.parametrize("seed", range(5))
def test_on_a_steady_market_all_windows_are_worth_next_to_one(seed: int) -> None:
    found = weights(windows([1.5] * 8, seed))
    assert (found > 0.9).all()
    assert found[-1] == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_a_turn_is_seen_within_two_windows(seed: int) -> None:
    """And what came before it counts no more from then on; what came after does."""
    given = windows([1.5] * 5 + [-1.5] * 4, seed)
    for since in (2, 3, 4):
        found = weights(given[: 5 + since])
        assert found[:5].tolist() == [0.0] * 5
        assert (found[5:] > 0.9).all()


def test_of_two_turns_the_later_one_counts() -> None:
    found = weights(windows([1.5] * 3 + [-1.5] * 3 + [1.5] * 3))
    assert found[:6].tolist() == [0.0] * 6
    assert (found[6:] > 0.9).all()


def test_older_windows_are_worth_no_more_than_newer_ones() -> None:
    for signals in ([0.3] * 8, [0.0] * 8, [0.8] * 4 + [0.0] * 4):
        assert (np.diff(weights(windows(signals))) >= 0).all()


def test_on_chance_it_is_not_held_to_have_turned() -> None:
    """Next to nothing speaks for a turn or against it, so it comes to what was thought beforehand, or somewhat less."""
    found = weights(windows([0.0] * 8))
    assert 0.6 * beforehand(8)[0] < found[0] < found[-2] < found[-1] == 1.0


@pytest.mark.parametrize("signals", [[1.5] * 6, [0.0] * 6, [1.0] * 3 + [-1.0] * 3, [0.5, -0.5] * 3, [2.0, 0.0]])
def test_against_a_naive_loop(signals: list[float]) -> None:
    given = windows(signals, count=150)
    np.testing.assert_allclose(weights(given), by_hand(given), rtol=0, atol=1e-9)


def test_against_a_naive_loop_where_columns_stand_still_and_classes_are_missing() -> None:
    given = windows([0.7] * 5, count=150)
    for one in given:
        one.features[:, 4] = 0.1
    given[1].features[:, 5] = -2.0
    given[2] = replace(given[2], label=np.zeros_like(given[2].label))
    given[4] = replace(given[4], label=np.ones_like(given[4].label))
    np.testing.assert_allclose(weights(given), by_hand(given), rtol=0, atol=1e-9)


def test_the_same_windows_are_worth_the_same_to_the_bit() -> None:
    given = windows([0.5] * 6)
    copies = [made_parts.changed(one) for one in given]
    assert weights(given).tobytes() == weights(given).tobytes() == weights(copies).tobytes()


@pytest.mark.parametrize("label", [None, 0, 1])
def test_one_window_alone_is_worth_one(label: int | None) -> None:
    (one,) = windows([1.0])
    if label is not None:
        one = replace(one, label=np.full_like(one.label, label))
    assert weights([one]).tolist() == [1.0]


def test_the_last_is_worth_exactly_one_whatever_came_before() -> None:
    for seed in range(10):
        assert weights(windows([0.2, -0.1, 0.4], seed, 150))[-1] == 1.0


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("label", [0, 1])
def test_a_window_of_one_class_does_no_harm(which: int, label: int) -> None:
    given = windows([1.5] * 4)
    given[which] = replace(given[which], label=np.full_like(given[which].label, label))
    found = weights(given)
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_all_windows_of_one_class_are_of_one_market() -> None:
    given = [replace(one, label=np.zeros_like(one.label)) for one in windows([1.5] * 4)]
    np.testing.assert_allclose(weights(given), beforehand(4), rtol=1e-6)


def test_features_that_never_move_do_no_harm() -> None:
    given = windows([1.5] * 4)
    still = [replace(one, features=np.full_like(one.features, 30_000.1)) for one in given]
    np.testing.assert_allclose(weights(still), beforehand(4), rtol=1e-6)
    for one in given:
        one.features[:, [0, 7]] = 0.1
    assert (weights(given) > 0.9).all()


def test_a_window_all_of_which_was_placed_before_the_last_had_ended_tells_nothing() -> None:
    first, second = windows([1.5, -1.5])
    first.resolved_ns[0] = second.placed_ns[-1]
    # What was thought beforehand is left: that it turned, once in so many times.
    np.testing.assert_allclose(weights([first, second]), beforehand(2))


def test_rows_that_overlap_count_as_the_independent_labels_they_are_worth() -> None:
    """The same rows, alive all at once: so little is known of the market that a turn is not seen."""
    given = windows([1.5] * 2 + [-1.5])
    assert weights(given)[0] == 0.0
    slow = [replace(one, resolved_ns=np.full_like(one.resolved_ns, one.placed_ns[-1])) for one in given]
    assert effective_sample_size(slow[0]) < 10
    assert weights(slow)[0] > 0.5


def test_moments_of_both_are_those_of_all_rows() -> None:
    one, other = windows([1.0, 1.0])
    both, concatenated = Moments.of(one).and_(Moments.of(other)), Sample.concatenated([one, other])
    x = concatenated.features.astype(np.float64)
    assert (both.count, both.positives) == (2 * COUNT, concatenated.label.sum())
    assert both.independent == pytest.approx(effective_sample_size(one) + effective_sample_size(other))
    np.testing.assert_allclose(both.mean, x.mean(axis=0))
    np.testing.assert_allclose(both.covariance, np.cov(x.T, bias=True), atol=1e-12)
