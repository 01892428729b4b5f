"""Many settings in one pass give what each gives alone, and what a plain loop in float64 gives."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trainer.learning import learner
from services.trainer.learning.learner import BIAS_RATE_MAX, BIAS_RATE_MULT, Loss, OptimizerKind, TrainingMatrix
from services.trainer.learning.optimizers import BLOCK
from tidewheel.domain.models import Hyperparameters, sigmoid

EPOCHS, SEED = 3, 7


def rows(weighted: bool) -> TrainingMatrix:
    chance = np.random.default_rng(11)
    x = np.cumsum(chance.standard_normal((900, 40)), axis=1).astype(np.float32)
    y = (chance.random(900) < sigmoid(x[:, 5].astype(np.float64) / 4)).astype(np.uint8)
    return learner.make_training_matrix(x, y, SEED, chance.random(900) ** 2 if weighted else None)


ROWS = {weighted: rows(weighted) for weighted in (False, True)}


def log_uniform(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(np.log(low), np.log(high)).map(lambda power: float(np.exp(power)))


SETTING = st.builds(
    Hyperparameters,
    use_bias=st.booleans(),
    l1=log_uniform(1e-7, 1.0),
    learning_rate=log_uniform(1e-5, 1.0),
    positive_example_weight_mult=log_uniform(1e-5, 1e4),
    wd=log_uniform(1e-7, 1.0),
    mini_batch_size=st.sampled_from([100, 137, 300, 899, 1000]),
)


@settings(max_examples=40)
@given(
    st.lists(SETTING, min_size=1, max_size=40),
    st.sampled_from(list(OptimizerKind)),
    st.sampled_from(list(Loss)),
    st.booleans(),
)
def test_many_are_each_alone_at_every_stage(
    many: list[Hyperparameters], update: OptimizerKind, loss: Loss, weighted: bool
) -> None:
    after = range(1, EPOCHS + 1)
    together = learner.train_stages(ROWS[weighted], many, SEED, EPOCHS, update, loss, after)
    assert all(stage.finite.all() for stage in together)
    for k in {0, len(many) // 2, len(many) - 1}:
        alone = learner.train_stages(ROWS[weighted], [many[k]], SEED, EPOCHS, update, loss, after)
        for all_of_them, one in zip(together, alone, strict=True):
            np.testing.assert_allclose(all_of_them.weights[:, k], one.weights[:, 0], rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(all_of_them.bias[k], one.bias[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("update", list(OptimizerKind))
@pytest.mark.parametrize("loss", list(Loss))
def test_a_setting_has_the_same_bits_wherever_it_stands(loss: Loss, update: OptimizerKind) -> None:
    wanted = Hyperparameters(True, 1e-3, 0.03, 2.0, 1e-2, 137)
    alone = learner.train(ROWS[True], [wanted], SEED, EPOCHS, update, loss)
    for place in (0, 1, 7, 15, 16, 30):
        many = [replace(wanted, learning_rate=1.0 / (k + 1), mini_batch_size=(137, 300)[k % 5 == 4]) for k in range(31)]
        many[place] = wanted
        fits = learner.train(ROWS[True], many, SEED, EPOCHS, update, loss)
        assert fits.weights[:, place].tobytes() == alone.weights[:, 0].tobytes()
        assert fits.bias[place] == alone.bias[0]


def plain_sgd(prepared: TrainingMatrix, setting: Hyperparameters, loss: Loss) -> list[tuple[np.ndarray, float]]:
    """What the learner's docstring says, one row of code after the other: weights and bias after each epoch."""
    x, y = prepared.features.astype(np.float64), prepared.label.astype(np.float64)
    weight = np.where(y == 1, setting.positive_example_weight_mult, 1.0)
    weight *= 1.0 if prepared.weight is None else prepared.weight
    weight /= weight.mean()
    batches = max(1, len(y) // setting.mini_batch_size)
    edges = np.linspace(0, len(y), batches + 1).astype(int)
    w, b, done, stages = np.zeros(x.shape[1]), 0.0, 0, []
    chance = np.random.default_rng(SEED)
    bias_rate = min(BIAS_RATE_MAX, BIAS_RATE_MULT * setting.learning_rate) if setting.use_bias else 0.0
    for _ in range(EPOCHS):
        for batch in chance.permutation(batches):
            part = slice(edges[batch], edges[batch + 1])
            z = x[part] @ w + b
            slope = {
                Loss.LOGISTIC: sigmoid(z) - y[part],
                Loss.HINGE: np.where(y[part] == 1, np.where(z < 1, -1, 0), np.where(z > -1, 1, 0)),
            }[loss]
            error = weight[part] * slope
            left = 1 - done / (EPOCHS * batches)
            rate = setting.learning_rate * left
            w = w - rate * (x[part].T @ error / len(error) + setting.wd * w)
            w = np.sign(w) * np.maximum(np.abs(w) - rate * setting.l1, 0)
            b -= bias_rate * left * error.mean()
            done += 1
        stages.append((w, b))
    return stages


@pytest.mark.parametrize("loss", list(Loss))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mini_batch_size", [100, 250, 1000])
@pytest.mark.parametrize("positive_weight", [0.01, 1.0, 30.0])
def test_against_a_plain_loop(mini_batch_size: int, positive_weight: float, weighted: bool, loss: Loss) -> None:
    setting = Hyperparameters(True, 1e-3, 3e-3, positive_weight, 1e-2, mini_batch_size)
    expected = plain_sgd(ROWS[weighted], setting, loss)
    found = learner.train_stages(ROWS[weighted], [setting], SEED, EPOCHS, OptimizerKind.SGD, loss, range(1, EPOCHS + 1))
    for (weights, bias), fits in zip(expected, found, strict=True):
        np.testing.assert_allclose(fits.weights[:, 0], weights, rtol=1e-3, atol=1e-5)
        assert float(fits.bias[0]) == pytest.approx(bias, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("piece_rows", [1, 30, 124, 125, 249])
def test_pieces_of_a_mini_batch_add_up_to_it(piece_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mini-batches of 300 rows, as far as products of so many rows go."""
    setting = Hyperparameters(True, 1e-3, 3e-3, 2.0, 1e-2, 300)
    whole = learner.train(ROWS[True], [setting], SEED, EPOCHS)
    monkeypatch.setattr(learner, "PRODUCT_MAX", piece_rows * ROWS[True].wide.shape[1] * BLOCK)
    fits = learner.train(ROWS[True], [setting], SEED, EPOCHS)
    assert fits.weights.tobytes() != whole.weights.tobytes()
    np.testing.assert_allclose(fits.weights, whole.weights, atol=1e-5)
    np.testing.assert_allclose(fits.bias, whole.bias, atol=1e-5)
