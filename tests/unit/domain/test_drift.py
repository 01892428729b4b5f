"""The e-detector by hand, its false alarms on chance, and its alarm where models turn bad."""

import numpy as np
import pytest

from tidewheel.domain.drift import (
    BETTING_FRACTIONS,
    MEAN_WINDOWS_TO_ALARM,
    PRIOR_RESULTS,
    RETAINED_SHARE,
    DriftDetector,
)


def alarms(results: list[list[float]]) -> list[int]:
    detector, found = DriftDetector(), []
    for at, window in enumerate(results):
        detector = detector.update(window)
        if detector.drift_detected:
            found.append(at)
    return found


def windows(seed: int, count: int, chance_to_win: float) -> list[list[float]]:
    chance = np.random.default_rng(seed)
    return [np.where(chance.random(10) < chance_to_win, 1.0, -1.0).tolist() for _ in range(count)]


def test_by_hand() -> None:
    one = DriftDetector().update([1.0, -0.5])
    assert one.wealth == pytest.approx([(1 - stake) * (1 + stake / 2) for stake in BETTING_FRACTIONS])
    assert (one.count, one.total) == (2, 0.5)
    expected = RETAINED_SHARE * 0.5 / (2 + PRIOR_RESULTS)
    two = one.update([-1.0])
    assert two.wealth == pytest.approx(
        [
            (wealth + 1) * (1 + stake * (1 + expected))
            for wealth, stake in zip(one.wealth, BETTING_FRACTIONS, strict=True)
        ]
    )


def test_a_window_without_a_bet_is_none() -> None:
    one = DriftDetector().update([1.0])
    assert one.update([]) == one


def test_after_an_alarm_it_begins_anew() -> None:
    sounding = DriftDetector((1e6,) * len(BETTING_FRACTIONS), 100, -50.0)
    assert sounding.drift_detected
    assert sounding.update([0.5]) == DriftDetector().update([0.5])
    assert not sounding.update([]).drift_detected


def test_false_alarms_on_chance_are_no_more_frequent_than_stated() -> None:
    count = sum(len(alarms(windows(seed, 1_000, 0.5))) for seed in range(10))
    assert 10_000 / count >= MEAN_WINDOWS_TO_ALARM


def test_models_that_turn_bad_are_noticed_soon_and_good_ones_hardly_ever() -> None:
    waits = []
    for seed in range(30):
        found = alarms(windows(seed, 40, 0.75) + windows(1_000 + seed, 10, 0.25))
        assert not [at for at in found if at < 40]
        waits.append(found[0] - 39)
    assert np.median(waits) <= 3


def test_models_whose_edge_is_gone_are_noticed_too() -> None:
    found = [alarms(windows(seed, 40, 0.85) + windows(1_000 + seed, 30, 0.5)) for seed in range(20)]
    assert sum(any(at >= 40 for at in one) for one in found) >= 18


def test_one_that_counts_each_window_as_the_first_sounds_too_often() -> None:
    """A planted fault: without the share that a mean result may fall, an edge's every bad window would be an alarm."""
    wealth, false = 0.0, 0
    for window in windows(1, 2_000, 0.5):
        wealth = (wealth + 10.0) * float(np.prod([1 - 0.3 * result for result in window]))
        if wealth >= MEAN_WINDOWS_TO_ALARM:
            wealth, false = 0.0, false + 1
    assert 2_000 / false < MEAN_WINDOWS_TO_ALARM
