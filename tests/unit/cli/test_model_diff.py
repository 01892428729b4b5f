"""Two models side by side."""

from dataclasses import replace

import numpy as np
import pytest

from tests.synthetic_models import CARD, make_model, published
from tidewheel.cli.model_diff import changed_most, cosine, difference, difference_dict, weights
from tidewheel.cli.tables import as_text

ONE = (make_model(3), replace(published(3)[1], scorecard=CARD))
OTHER = (make_model(4), published(4)[1])


def test_figures_and_settings_stand_side_by_side() -> None:
    found = difference_dict(ONE, OTHER)
    assert found["seq"] == [3, 4]
    assert found["figures"]["next precision"] == [CARD.precision, None]
    assert found["settings"]["mini_batch_size"] == [ONE[0].hyperparameters.mini_batch_size] * 2
    lines = as_text(difference(ONE, OTHER)).splitlines()
    assert lines[0].split() == ["model", "3", "model", "4"]
    assert any(line.split() == ["next", "precision", "0.600", "–"] for line in lines)


def test_weights_are_compared_in_the_units_of_the_features() -> None:
    model = ONE[0]
    rescaled = replace(model, coefficients=model.coefficients * 4.0, std=model.std * 4.0)
    assert np.array_equal(weights(model), weights(rescaled))
    assert changed_most(model, rescaled) == []
    assert difference_dict(ONE, (rescaled, ONE[1]))["same_weights"]
    assert as_text(difference(ONE, ONE)).endswith("equal weights")


def test_the_feature_that_changed_most_comes_first() -> None:
    model = ONE[0]
    moved = model.coefficients.copy()
    moved[7] += 5.0
    moved[2] -= 6.0
    changed = changed_most(model, replace(model, coefficients=moved))
    assert [name for name, _, _ in changed] == ["day_open", "mid_3s"]


def test_a_model_without_weights_has_no_direction() -> None:
    nothing = np.zeros(605)
    assert cosine(nothing, nothing + 1) is None
    assert cosine(nothing + 2, nothing + 1) == pytest.approx(1.0)
    assert cosine(nothing + 2, nothing - 1) == pytest.approx(-1.0)
