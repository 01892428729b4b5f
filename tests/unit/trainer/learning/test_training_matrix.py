"""Rows made ready for the learner: what they weigh, and how they lie in memory."""

import numpy as np
import pytest

from services.trainer.learning import training_matrix
from services.trainer.learning.optimizers import TILE, height


def some_rows(rows: int = 50, features: int = 40) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(3)
    return chance.normal(7.0, 3.0, (rows, features)).astype(np.float32), (chance.random(rows) < 0.4).astype(np.uint8)


@pytest.mark.parametrize(
    "rows", [1, 2, training_matrix.PIECE_ROWS, training_matrix.PIECE_ROWS + 1, 3 * training_matrix.PIECE_ROWS - 5]
)
def test_pieces_of_rows_scale_to_the_bit_as_all_at_once(rows: int) -> None:
    x, _ = some_rows(rows)
    x[:, 3] = 2.5
    made = training_matrix.StandardScaler.fit(x)
    mean, std = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    std = np.where(std > 0, std, 1.0)
    assert made.mean.tolist() == mean.tolist()
    assert made.std.tolist() == std.tolist()
    assert made.transform(x).tolist() == ((x - mean) / std).astype(np.float32).tolist()


def test_scaled_values_of_a_column_that_hardly_moved_have_a_limit() -> None:
    x, _ = some_rows(training_matrix.PIECE_ROWS + 1)
    x[:, 0] = 1.0
    x[0, 0] = np.nextafter(np.float32(1), np.float32(2))
    scaler = training_matrix.StandardScaler.fit(x)
    x[-2:, 0] = 1e9, -1e9
    assert scaler.transform(x)[-2:, 0].tolist() == [training_matrix.STANDARD_MAX, -training_matrix.STANDARD_MAX]


def test_weights_go_with_their_rows_and_have_mean_one() -> None:
    x, y = some_rows()
    x[:, 0] = np.arange(50)
    made = training_matrix.make_training_matrix(x, y, 1, np.arange(50) * 4.0)
    assert made.weight is not None
    original = np.rint(made.features[:, 0] * made.scaler.std[0] + made.scaler.mean[0]).astype(int)
    np.testing.assert_allclose(made.weight, original / np.arange(50).mean(), rtol=1e-6)
    assert made.label.tolist() == y[original].tolist()


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_weights_that_weigh_nothing_are_refused(bad: float) -> None:
    x, y = some_rows()
    for weights in (np.zeros(50), np.where(np.arange(50) == 7, bad, 1.0)):
        with pytest.raises(ValueError, match="not all zero"):
            training_matrix.make_training_matrix(x, y, 1, weights)


def test_balanced_weight_makes_classes_weigh_the_same() -> None:
    labels = np.array([1, 0, 0, 0, 1, 0, 0, 0], dtype=np.uint8)
    assert training_matrix.balanced_weight(labels) == 3.0
    assert training_matrix.balanced_weight(1 - labels) == pytest.approx(1 / 3)
    for missing in (np.zeros(3, dtype=np.uint8), np.ones(3, dtype=np.uint8), np.zeros(0, dtype=np.uint8)):
        assert training_matrix.balanced_weight(missing) == 1.0


def test_features_are_a_view_beside_the_column_of_the_bias() -> None:
    made = training_matrix.make_training_matrix(*some_rows(), seed=1)
    assert made.wide.shape == (50, height(40)) == (50, 2 * TILE)
    assert np.shares_memory(made.features, made.wide)
    assert (made.wide[:, 40] == 1).all()
    assert (made.wide[:, 41:] == 0).all()


@pytest.mark.parametrize(("features", "rows"), [(1, 32), (30, 32), (31, 32), (32, 64), (605, 608)])
def test_a_weight_matrix_has_room_for_the_bias(features: int, rows: int) -> None:
    assert height(features) == rows
