"""A model as a file for other programs: JSON with named coefficients, or ONNX."""

import json
from collections.abc import Callable, Mapping

import click
import numpy as np

from tidewheel.cli.model_views import RegisteredRun, run_details_dict
from tidewheel.domain.features import FEATURE_COUNT, FEATURE_NAMES
from tidewheel.domain.models import Model, ModelRecord, Scorer

# Old enough for every runtime in use; nothing newer is needed.
ONNX_OPSET, ONNX_IR = 17, 8


def as_json(model: Model, record: ModelRecord) -> bytes:
    """Everything known of the model, and a line a feature: `score = 1 / (1 + exp(-(intercept + Σ coefficient × (value -
    mean) / std)))`, PROFIT where the score reaches the threshold."""
    values = {
        **run_details_dict(RegisteredRun(record, model, None, None, False)),
        "features": [
            {"name": name, "coefficient": coefficient, "mean": mean, "std": std}
            for name, coefficient, mean, std in zip(
                FEATURE_NAMES, model.coefficients.tolist(), model.mean.tolist(), model.std.tolist(), strict=True
            )
        ],
    }
    return (json.dumps(values, indent=1) + "\n").encode()


def as_onnx(model: Model, record: ModelRecord) -> bytes:
    """Input `features` float32 (n, 605); outputs `score` float64 (n) and `label` int64 (n). Computes in float64, as the
    predictor does."""
    try:
        from onnx import TensorProto, checker, helper, numpy_helper
    except ModuleNotFoundError:
        raise click.ClickException("ONNX needs the package onnx: pip install 'tidewheel[onnx]'") from None
    scorer = Scorer.of(model)
    constants = {
        "weights": scorer.weights.reshape(FEATURE_COUNT, 1),
        "offset": np.array([scorer.offset]),
        "threshold": np.array([model.threshold]),
        "flat": np.array([-1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["features"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["wide", "weights"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["logit"]),
        helper.make_node("Reshape", ["logit", "flat"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["score"]),
        helper.make_node("GreaterOrEqual", ["score", "threshold"], ["flagged"]),
        helper.make_node("Cast", ["flagged"], ["label"], to=TensorProto.INT64),
    ]
    graph = helper.make_graph(
        nodes,
        "tidewheel",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", FEATURE_COUNT])],
        [
            helper.make_tensor_value_info("score", TensorProto.DOUBLE, ["n"]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(
        graph, producer_name="tidewheel", opset_imports=[helper.make_opsetid("", ONNX_OPSET)], ir_version=ONNX_IR
    )
    helper.set_model_props(made, _properties(model, record))
    checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString())


def _properties(model: Model, record: ModelRecord) -> dict[str, str]:
    return {
        "instrument": model.instrument,
        "seq": str(model.seq),
        "sha256": record.sha256,
        "schema_hash": model.schema_hash.hex(),
        "feature_names": ",".join(FEATURE_NAMES),
        "threshold": repr(model.threshold),
    }


FORMATS: Mapping[str, Callable[[Model, ModelRecord], bytes]] = {".json": as_json, ".onnx": as_onnx}
