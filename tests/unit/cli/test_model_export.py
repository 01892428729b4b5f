"""A model as a file gives the scores that the model gives."""

import json
import math

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from tests.synthetic_models import INSTRUMENT, make_model, published
from tidewheel.cli.model_export import as_json, as_onnx
from tidewheel.domain.features import FEATURE_NAMES
from tidewheel.domain.models import Scorer

MODEL, RECORD = make_model(3), published(3)[1]
ROWS = np.random.default_rng(5).normal(0, 3, (50, 605)).astype(np.float32)


def test_json_holds_all_that_a_score_needs() -> None:
    exported = json.loads(as_json(MODEL, RECORD))
    assert (exported["seq"], exported["sha256"]) == (3, RECORD.sha256)
    assert [one["name"] for one in exported["features"]] == list(FEATURE_NAMES)
    logit = exported["intercept"] + sum(
        one["coefficient"] * (value - one["mean"]) / one["std"]
        for one, value in zip(exported["features"], ROWS[0].tolist(), strict=True)
    )
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(Scorer.of(MODEL).score(ROWS[0]), rel=1e-9)


def test_onnx_scores_and_labels_as_the_model_does() -> None:
    made = onnx.load_from_string(as_onnx(MODEL, RECORD))
    score, label = ReferenceEvaluator(made).run(None, {"features": ROWS})
    wanted = Scorer.of(MODEL).scores(ROWS)
    assert np.allclose(score, wanted, rtol=0, atol=1e-12)
    assert label.tolist() == (wanted >= MODEL.threshold).astype(int).tolist()
    assert 0 < label.sum() < len(label)
    exported = {one.key: one.value for one in made.metadata_props}
    assert (exported["instrument"], exported["seq"], exported["sha256"]) == (INSTRUMENT, "3", RECORD.sha256)
