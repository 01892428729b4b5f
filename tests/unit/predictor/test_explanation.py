"""A score taken apart: the parts add up to it to the last bit, whatever the row."""

from dataclasses import replace
from math import exp, fsum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.predictor.models.model_slot import ServingModel
from services.predictor.trust.explanation import OTHERS, STRETCHES, Explanation, explain
from tests.synthetic_models import make_model, make_row
from tidewheel.domain.features import FEATURE_COUNT, FEATURE_NAMES
from tidewheel.domain.models import Evidence, Model, ModelPointer


def serving(model: Model) -> ServingModel:
    pointer = ModelPointer(model.instrument, model.seq, 1, "sha", "", Evidence.NONE, 1, 1, 2)
    return ServingModel.of(pointer, model)


def total(found: Explanation) -> float:
    return fsum((found.intercept, *(one.value for one in found.contributions), found.rounding))


def test_stretches_cover_every_feature_once() -> None:
    covered = [name for _, where in STRETCHES for name in FEATURE_NAMES[where]]
    assert covered == list(FEATURE_NAMES)
    assert [name for name, _ in STRETCHES][5:] == [
        *("mid_1s..mid_10s", "mid_11s..mid_30s", "mid_31s..mid_60s"),
        *("mid_61s..mid_120s", "mid_121s..mid_300s", "mid_301s..mid_600s"),
    ]


def test_contributions_by_hand() -> None:
    weights = np.zeros(FEATURE_COUNT)
    weights[[1, 5, 14, 15]] = 2.0, 1.0, -1.0, 10.0  # offer, mid_1s, mid_10s, mid_11s
    model = replace(
        make_model(1),
        coefficients=weights,
        mean=np.full(FEATURE_COUNT, 0.5),
        std=np.full(FEATURE_COUNT, 2.0),
        intercept=0.25,
    )
    row = np.full(FEATURE_COUNT, 1.5, dtype="<f4")
    row[14] = 4.5
    found = explain(serving(model), row)
    by_name = {one.name: (one.features, one.value) for one in found.contributions}
    assert by_name["offer"] == (1, 1.0)
    assert by_name["mid_1s..mid_10s"] == (10, 0.5 - 2.0)
    assert by_name["mid_11s..mid_30s"] == (20, 5.0)
    assert [one.name for one in found.contributions][:3] == ["mid_11s..mid_30s", "mid_1s..mid_10s", "offer"]
    assert (found.z, found.intercept, found.rounding) == (0.25 + 1.0 - 1.5 + 5.0, 0.25, 0.0)


@pytest.mark.parametrize("largest", [0, 1, 3, 10, 11, 500])
def test_the_largest_and_the_others_in_one(largest: int) -> None:
    one, row = serving(make_model(4)), make_row(9)
    whole, found = explain(one, row), explain(one, row, largest)
    if 0 < largest < len(STRETCHES):
        assert len(found.contributions) == largest + 1
        assert found.contributions[:-1] == whole.contributions[:largest]
        assert found.contributions[-1].name == OTHERS
    else:
        assert found == whole
    assert sum(part.features for part in found.contributions) == FEATURE_COUNT
    assert total(found) == found.z


@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e-6, 0.01, 1.0, 300.0, 1e6]), st.sampled_from([0, 1, 4]))
def test_the_parts_add_up_to_the_last_bit(seed: int, scale: float, largest: int) -> None:
    one = serving(make_model(seed % 7))
    row = (make_row(seed) * np.float32(scale)).astype("<f4")
    found = explain(one, row, largest)
    assert total(found) == found.z == one.scorer.decision_function(row[np.newaxis, :])[0]
    assert one.scorer.score(row) == pytest.approx(1 / (1 + exp(-found.z)) if found.z > -700 else 0.0, abs=1e-15)
    assert abs(found.rounding) <= 1e-9 * max(1.0, *(abs(part.value) for part in found.contributions))
