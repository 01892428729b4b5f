"""Messages of the protocol <-> values, nothing else. Raises PredictionRefusedError where a message has no meaning."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from google.protobuf.message import DecodeError, Message
from numpy.typing import NDArray

from services.predictor.core import Predictions, Rows
from services.predictor.models.model_slot import ServingModel
from services.predictor.refusals import invalid_input
from tidewheel.domain.features import FEATURE_COUNT, FEATURES_BYTES
from tidewheel.wire.open_inference import open_inference_pb2 as wire

M = TypeVar("M", bound=Message)

INPUT, INPUT_TYPE = "features", "FP32"
SCORE, LABEL = "score", "label"
OUTPUT_TYPES = {SCORE: "FP64", LABEL: "UINT32"}
PLATFORM = "tidewheel_linear"
# The fields of typed contents; a tensor may fill the one of its datatype only.
CONTENTS = tuple(field.name for field in wire.InferTensorContents.DESCRIPTOR.fields)
TYPED_INPUT = "fp32_contents"


@dataclass(frozen=True, slots=True, eq=False)
class InferRequest:
    """`rows` has shape (n, 605). `seq` None: the serving version. `raw`: whether tensors came, and go, as bytes."""

    instrument: str
    seq: int | None
    id: str
    rows: Rows
    outputs: tuple[str, ...]
    raw: bool


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model, and one version of it or, with None, the serving one."""

    instrument: str
    seq: int | None


def parse(message: type[M], payload: bytes) -> M:
    try:
        return message.FromString(payload)
    except DecodeError:
        raise invalid_input("request", f"the bytes are no {message.DESCRIPTOR.full_name}") from None


def parse_model_name(message: Any) -> ModelName:
    """Of a ModelReadyRequest or ModelMetadataRequest."""
    return ModelName(message.name, _seq("version", message.version))


def parse_infer_request(payload: bytes) -> InferRequest:
    message = parse(wire.ModelInferRequest, payload)
    if len(message.inputs) != 1 or message.inputs[0].name != INPUT:
        names = ", ".join(repr(tensor.name) for tensor in message.inputs[:3]) or "none"
        raise invalid_input("inputs", f"the model takes one tensor, '{INPUT}'; given: {names}")
    tensor = message.inputs[0]
    if tensor.datatype != INPUT_TYPE:
        raise invalid_input("inputs[0].datatype", f"{tensor.datatype!r}, the model takes {INPUT_TYPE}")
    count = _row_count(tensor.shape)
    raw = len(message.raw_input_contents) > 0
    return InferRequest(
        instrument=message.model_name,
        seq=_seq("model_version", message.model_version),
        id=message.id,
        rows=_raw_rows(message, count) if raw else _typed_rows(tensor.contents, count),
        outputs=_outputs(message.outputs),
        raw=raw,
    )


class InferEncoder:
    """Replies as bytes. What a reply says of its model is encoded once a model."""

    def __init__(self) -> None:
        self._constants: dict[str, tuple[ServingModel, bytes]] = {}

    def reply(self, request: InferRequest, value: Predictions) -> bytes:
        response = wire.ModelInferResponse(id=request.id)
        for name in request.outputs:
            column = value.scores if name == SCORE else value.labels
            tensor = response.outputs.add(name=name, datatype=OUTPUT_TYPES[name], shape=(len(column),))
            if request.raw:
                response.raw_output_contents.append(_little_endian(column))
            elif name == SCORE:
                tensor.contents.fp64_contents.extend(column.tolist())
            else:
                tensor.contents.uint_contents.extend(column.tolist())
        return self._constants_of(value.model) + response.SerializeToString()

    def _constants_of(self, model: ServingModel) -> bytes:
        known = self._constants.get(model.instrument)
        if known is None or known[0] is not model:
            known = self._constants[model.instrument] = (model, _constant_reply(model).SerializeToString())
        return known[1]


def _constant_reply(model: ServingModel) -> wire.ModelInferResponse:
    response = wire.ModelInferResponse(model_name=model.instrument, model_version=str(model.seq))
    response.parameters["threshold"].double_param = model.threshold
    response.parameters["evidence"].string_param = model.evidence
    response.parameters["epoch"].int64_param = model.epoch
    response.parameters["sha256"].string_param = model.sha256
    return response


def metadata_response(model: ServingModel, versions: list[int]) -> wire.ModelMetadataResponse:
    response = wire.ModelMetadataResponse(
        name=model.instrument, versions=[str(seq) for seq in versions], platform=PLATFORM
    )
    response.inputs.add(name=INPUT, datatype=INPUT_TYPE, shape=[-1, FEATURE_COUNT])
    for name, datatype in OUTPUT_TYPES.items():
        response.outputs.add(name=name, datatype=datatype, shape=[-1])
    response.properties["schema_hash"] = model.schema_hash.hex()
    return response


def _seq(field: str, version: str) -> int | None:
    if not version:
        return None
    if not (version.isascii() and version.isdigit() and len(version) <= 18):
        raise invalid_input(field, f"{version[:40]!r} is no version; versions are numbers of windows, like '12'")
    return int(version)


def _row_count(shape: Any) -> int:
    if len(shape) != 2 or shape[1] != FEATURE_COUNT or shape[0] < 1:
        given = ", ".join(map(str, shape[:4]))
        raise invalid_input("inputs[0].shape", f"[{given}], the model takes [n, {FEATURE_COUNT}] with n of 1 and more")
    return int(shape[0])


def _raw_rows(message: Any, count: int) -> Rows:
    if len(message.raw_input_contents) != 1:
        raise invalid_input(
            "raw_input_contents", f"{len(message.raw_input_contents)} entries, there must be one for each input"
        )
    tensor = message.inputs[0]
    if tensor.HasField("contents") and any(getattr(tensor.contents, field) for field in CONTENTS):
        raise invalid_input("inputs[0].contents", "must be empty where raw_input_contents is given")
    packed = message.raw_input_contents[0]
    if len(packed) != count * FEATURES_BYTES:
        raise invalid_input(
            "raw_input_contents[0]", f"{len(packed)} bytes, the shape needs {count * FEATURES_BYTES} of float32"
        )
    return np.frombuffer(packed, dtype="<f4").reshape(count, FEATURE_COUNT)


def _typed_rows(contents: Any, count: int) -> Rows:
    for field in CONTENTS:
        if field != TYPED_INPUT and getattr(contents, field):
            raise invalid_input(f"inputs[0].contents.{field}", f"the datatype is {INPUT_TYPE}: use {TYPED_INPUT}")
    values = contents.fp32_contents
    if len(values) != count * FEATURE_COUNT:
        raise invalid_input(
            f"inputs[0].contents.{TYPED_INPUT}",
            f"{len(values)} numbers, the shape needs {count * FEATURE_COUNT}",
        )
    return np.array(values, dtype=np.float32).reshape(count, FEATURE_COUNT)


def _outputs(requested: Any) -> tuple[str, ...]:
    names = tuple(tensor.name for tensor in requested) or tuple(OUTPUT_TYPES)
    for index, name in enumerate(names):
        if name not in OUTPUT_TYPES or name in names[:index]:
            wanted = " and ".join(OUTPUT_TYPES)
            raise invalid_input(f"outputs[{index}]", f"{name[:40]!r}: the model gives {wanted}, each once")
    return names


def _little_endian(column: NDArray[Any]) -> bytes:
    return column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes()
