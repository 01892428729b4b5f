"""What the learner sees of a row: means over bins that widen, and how its weights are spread back over features."""

import itertools

import numpy as np
import pytest

from services.trainer.dataset import basis
from services.trainer.dataset.basis import EDGES_S, INPUT_OF, INPUTS, QUOTED, WIDTHS
from tidewheel.domain.features import FEATURE_COUNT, FEATURE_NAMES, HISTORY_S

CHANCE = np.random.default_rng(7)
# As features are: small numbers beside a mid, of a walk.
FEATURES = np.concatenate(
    (CHANCE.standard_normal((50, QUOTED)), np.cumsum(CHANCE.standard_normal((50, HISTORY_S)), axis=1)), axis=1
).astype(np.float32)


def lag_s(name: str) -> int:
    return int(name.removeprefix("mid_").removesuffix("s"))


def test_inputs_are_means_over_bins() -> None:
    found = basis.inputs(FEATURES)
    assert found.shape == (50, INPUTS)
    assert found.dtype == np.float32
    for row, seen in zip(FEATURES.astype(np.float64), found, strict=True):
        wanted = row[:QUOTED].tolist()
        for first, end in itertools.pairwise(EDGES_S):
            lags = [row[FEATURE_NAMES.index(f"mid_{lag}s")] for lag in range(first, end)]
            wanted.append(sum(lags) / len(lags))
        np.testing.assert_allclose(seen, wanted, rtol=1e-5, atol=1e-6)


def test_no_rows_are_no_inputs() -> None:
    assert basis.inputs(FEATURES[:0]).shape == (0, INPUTS)


def test_quotes_stand_for_themselves() -> None:
    assert FEATURE_NAMES[QUOTED] == "mid_1s"
    np.testing.assert_array_equal(basis.inputs(FEATURES)[:, :QUOTED], FEATURES[:, :QUOTED])


def test_every_feature_is_part_of_exactly_one_input() -> None:
    assert INPUT_OF.shape == (FEATURE_COUNT,)
    assert np.bincount(INPUT_OF).tolist() == [1] * QUOTED + WIDTHS.tolist()
    assert (np.diff(INPUT_OF) >= 0).all()
    for name, which in zip(FEATURE_NAMES[QUOTED:], INPUT_OF[QUOTED:], strict=True):
        bin_of = int(which) - QUOTED
        assert EDGES_S[bin_of] <= lag_s(name) < EDGES_S[bin_of + 1]


def test_a_feature_moves_its_own_input_and_no_other() -> None:
    for feature in range(FEATURE_COUNT):
        one = np.zeros((1, FEATURE_COUNT), dtype=np.float32)
        one[0, feature] = 1.0
        assert np.flatnonzero(basis.inputs(one)[0]).tolist() == [INPUT_OF[feature]]


def test_bins_widen_with_the_lag() -> None:
    assert (EDGES_S[0], EDGES_S[-1]) == (1, HISTORY_S + 1)
    assert (WIDTHS[0], int(WIDTHS.sum())) == (1, HISTORY_S)
    assert (np.diff(WIDTHS) >= -1).all()  # edges are whole seconds
    assert WIDTHS[-1] > 50
    assert INPUTS < 40


def test_weights_of_features_score_features_as_the_weights_score_inputs() -> None:
    weights = np.random.default_rng(1).standard_normal(INPUTS)
    spread = basis.weights_of_features(weights)
    assert spread.shape == (FEATURE_COUNT,)
    wanted = basis.inputs(FEATURES).astype(np.float64) @ weights
    np.testing.assert_allclose(FEATURES.astype(np.float64) @ spread, wanted, rtol=1e-5, atol=1e-4)


def test_standardised_features_are_scored_as_standardised_inputs() -> None:
    """As a predictor scores: each feature by the mean and deviation of the input that it is part of."""
    chance = np.random.default_rng(2)
    weights, mean, std = chance.standard_normal(INPUTS), chance.standard_normal(INPUTS), chance.uniform(0.5, 3, INPUTS)
    wanted = (basis.inputs(FEATURES).astype(np.float64) - mean) / std @ weights
    scaled = (FEATURES.astype(np.float64) - basis.of_features(mean)) / basis.of_features(std)
    np.testing.assert_allclose(scaled @ basis.weights_of_features(weights), wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("which", [0, QUOTED, INPUTS - 1])
def test_what_holds_for_an_input_holds_for_all_that_is_part_of_it(which: int) -> None:
    values = np.zeros(INPUTS)
    values[which] = 3.0
    assert basis.of_features(values).tolist() == np.where(which == INPUT_OF, 3.0, 0.0).tolist()
