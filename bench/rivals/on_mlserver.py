"""Our model on MLServer: `python -m bench.rivals.on_mlserver NAME MODEL GRPC_PORT HTTP_PORT`.

In an environment of its own, without worker processes, which cost it half of its rate, without metrics and without its
debugging output.
"""

import asyncio
import sys
from pathlib import Path

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse

from bench.rivals.linear import Linear


class LinearModel(MLModel):  # type: ignore[misc]
    """A custom runtime as its documentation has it."""

    async def load(self) -> bool:
        self._linear = Linear.read(Path(self.settings.parameters.uri))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        scores, labels = self._linear.answer(NumpyCodec.decode_input(payload.inputs[0]))
        outputs = [NumpyCodec.encode_output("score", scores), NumpyCodec.encode_output("label", labels)]
        return InferenceResponse(model_name=self.name, outputs=outputs)


async def serve(name: str, model: str, grpc_port: int, http_port: int) -> None:
    server = MLServer(
        Settings(
            debug=False,
            parallel_workers=0,
            host="127.0.0.1",
            grpc_port=grpc_port,
            http_port=http_port,
            metrics_endpoint=None,
        )
    )
    await server.start([ModelSettings(name=name, implementation=LinearModel, parameters=ModelParameters(uri=model))])


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
