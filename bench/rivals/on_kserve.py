"""Our model on KServe's Python server: `python -m bench.rivals.on_kserve NAME MODEL GRPC_PORT HTTP_PORT`.

In an environment of its own, in one process and without its log of latencies.
"""

import sys
from pathlib import Path
from typing import Any

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

from bench.rivals.linear import Linear


class LinearModel(Model):  # type: ignore[misc]
    """A custom model as its documentation has it."""

    def __init__(self, name: str, linear: Linear) -> None:
        super().__init__(name)
        self._linear = linear
        self.ready = True

    def predict(self, payload: InferRequest, headers: Any = None, response_headers: Any = None) -> InferResponse:
        scores, labels = self._linear.answer(payload.inputs[0].as_numpy())
        outputs = []
        for name, datatype, column in (("score", "FP64", scores), ("label", "UINT32", labels)):
            output = InferOutput(name=name, shape=list(column.shape), datatype=datatype)
            output.set_data_from_numpy(column, binary_data=True)
            outputs.append(output)
        return InferResponse(payload.id, self.name, outputs)


def serve(name: str, model: str, grpc_port: int, http_port: int) -> None:
    server = ModelServer(http_port=http_port, grpc_port=grpc_port, workers=1, enable_latency_logging=False)
    server.start([LinearModel(name, Linear.read(Path(model)))])


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
