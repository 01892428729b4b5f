"""The methods of the protocol over the one scoring core: convert, call, convert. Raises PredictionRefusedError."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Protocol

from google.protobuf.message import Message

from services.predictor.core import PredictionEngine, Predictions, Rows
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.open_inference import converters
from services.predictor.open_inference.kept_models import KeptModels
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from tidewheel.wire.open_inference import open_inference_pb2 as wire

SERVICE = wire.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name
SERVER_NAME = "tidewheel"
EXTENSIONS = ("model_repository",)
READY, UNAVAILABLE = "READY", "UNAVAILABLE"


class OnBatch(Protocol):
    """Told of every answer: the method's name, the answer, its rows, and whether its model serves."""

    def __call__(self, method: str, result: Predictions, rows: Rows, *, serving: bool) -> None: ...


class OpenInference:
    """Bytes in, bytes out, as the servicer of our own protocol."""

    def __init__(self, engine: PredictionEngine, slots: ModelSlots, kept: KeptModels, on_batch: OnBatch) -> None:
        self._engine = engine
        self._slots = slots
        self._kept = kept
        self._on_batch = on_batch
        self._replies = converters.InferEncoder()
        self._server_metadata = wire.ServerMetadataResponse(
            name=SERVER_NAME, version=version(SERVER_NAME), extensions=EXTENSIONS
        )

    def methods(self) -> Mapping[str, Callable[[bytes], bytes]]:
        """By name."""
        answers: dict[str, Callable[[bytes], Message]] = {
            "ServerLive": self.server_live,
            "ServerReady": self.server_ready,
            "ModelReady": self.model_ready,
            "ServerMetadata": self.server_metadata,
            "ModelMetadata": self.model_metadata,
            "RepositoryIndex": self.repository_index,
        }
        return {"ModelInfer": self.model_infer} | {name: _serialized(answer) for name, answer in answers.items()}

    def server_live(self, payload: bytes) -> wire.ServerLiveResponse:
        converters.parse(wire.ServerLiveRequest, payload)
        return wire.ServerLiveResponse(live=True)

    def server_ready(self, payload: bytes) -> wire.ServerReadyResponse:
        converters.parse(wire.ServerReadyRequest, payload)
        return wire.ServerReadyResponse(ready=bool(self._slots.instruments()))

    def server_metadata(self, payload: bytes) -> wire.ServerMetadataResponse:
        converters.parse(wire.ServerMetadataRequest, payload)
        return self._server_metadata

    def model_ready(self, payload: bytes) -> wire.ModelReadyResponse:
        name = converters.parse_model_name(converters.parse(wire.ModelReadyRequest, payload))
        serving = self._slots.get(name.instrument)
        ready = serving is not None and (name.seq is None or self._kept.get(serving, name.seq) is not None)
        return wire.ModelReadyResponse(ready=ready)

    def model_metadata(self, payload: bytes) -> wire.ModelMetadataResponse:
        name = converters.parse_model_name(converters.parse(wire.ModelMetadataRequest, payload))
        model = self._model(name.instrument, name.seq)
        return converters.metadata_response(model, sorted({model.seq, *self._kept.versions(model.instrument)}))

    def model_infer(self, payload: bytes) -> bytes:
        request = converters.parse_infer_request(payload)
        model = self._model(request.instrument, request.seq)
        result = self._engine.score_batch(model, request.rows)
        serving = request.seq is None or model is self._slots.get(request.instrument)
        self._on_batch("ModelInfer", result, request.rows, serving=serving)
        return self._replies.reply(request, result)

    def repository_index(self, payload: bytes) -> wire.RepositoryIndexResponse:
        request = converters.parse(wire.RepositoryIndexRequest, payload)
        response = wire.RepositoryIndexResponse()
        for instrument in sorted(self._slots.instruments()):
            if (model := self._slots.get(instrument)) is not None:
                response.models.add(name=instrument, version=str(model.seq), state=READY)
        if not request.ready:
            for instrument in sorted(self._slots.awaiting_model()):
                response.models.add(name=instrument, state=UNAVAILABLE, reason="no model yet")
        return response

    def _model(self, instrument: str, seq: int | None) -> ServingModel:
        serving = self._engine.serving(instrument)
        if seq is None:
            return serving
        model = self._kept.get(serving, seq)
        if model is None:
            raise PredictionRefusedError(
                RefusalReason.UNKNOWN_VERSION, f"no model {seq} of {instrument} is kept; {serving.seq} serves"
            )
        return model


def _serialized(answer: Callable[[bytes], Message]) -> Callable[[bytes], bytes]:
    return lambda payload: answer(payload).SerializeToString()
