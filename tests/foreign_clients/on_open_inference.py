"""What the client `open-inference-grpc` sees of a predictor, as JSON. Runs in that client's environment, not in ours:
`python on_open_inference.py ADDRESS MODEL OLDER_VERSION ROWS` with rows as a file of float32."""

import json
import struct
import sys
from pathlib import Path

import grpc
from open_inference.grpc import protocol
from open_inference.grpc.service import GRPCInferenceServiceStub

address, name, older, rows_file = sys.argv[1:]
stub = GRPCInferenceServiceStub(grpc.insecure_channel(address))
packed = Path(rows_file).read_bytes()
count = len(packed) // (4 * 605)
numbers = struct.unpack(f"<{count * 605}f", packed)


def infer(raw, model=name, version="", width=605):
    tensor = {"name": "features", "datatype": "FP32", "shape": [count, width]}
    if not raw:
        tensor["contents"] = {"fp32_contents": numbers}
    request = protocol.ModelInferRequest(
        model_name=model,
        model_version=version,
        id="mine",
        inputs=[tensor],
        raw_input_contents=[packed] if raw else [],
    )
    answer = stub.ModelInfer(request)
    if raw:
        scores, labels = (
            struct.unpack(f"<{count}{kind}", one) for kind, one in zip("dI", answer.raw_output_contents, strict=True)
        )
    else:
        scores, labels = answer.outputs[0].contents.fp64_contents, answer.outputs[1].contents.uint_contents
    return {"version": answer.model_version, "id": answer.id, "scores": list(scores), "labels": list(labels)}


def status_of(call):
    try:
        call()
    except grpc.RpcError as failure:
        return f"StatusCode.{failure.code().name}"
    return "OK"


metadata = stub.ModelMetadata(protocol.ModelMetadataRequest(name=name))
seen = {
    "live": stub.ServerLive(protocol.ServerLiveRequest()).live,
    "ready": stub.ServerReady(protocol.ServerReadyRequest()).ready,
    "model_ready": stub.ModelReady(protocol.ModelReadyRequest(name=name)).ready,
    "unknown_ready": stub.ModelReady(protocol.ModelReadyRequest(name="sim:NO-SUCH")).ready,
    "server": stub.ServerMetadata(protocol.ServerMetadataRequest()).name,
    "inputs": [[one.name, one.datatype, [str(size) for size in one.shape]] for one in metadata.inputs],
    "raw": infer(raw=True),
    "typed": infer(raw=False),
    "older": infer(raw=True, version=older),
    "unknown_model": status_of(lambda: infer(raw=True, model="sim:NO-SUCH")),
    "unknown_version": status_of(lambda: infer(raw=True, version="999")),
    "wrong_shape": status_of(lambda: infer(raw=True, width=604)),
}
print(json.dumps(seen))
