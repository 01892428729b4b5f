"""What NVIDIA's `tritonclient` sees of a predictor, as JSON. Runs in that client's environment, not in ours:
`python on_tritonclient.py ADDRESS MODEL OLDER_VERSION ROWS` with rows as a file of float32."""

import json
import sys

import numpy as np
from tritonclient import grpc as triton
from tritonclient.utils import InferenceServerException

address, name, older, rows_file = sys.argv[1:]
client = triton.InferenceServerClient(address)


def tensor(rows):
    made = triton.InferInput("features", list(rows.shape), "FP32")
    made.set_data_from_numpy(rows)
    return made


def infer(rows, model=name, version="", outputs=None):
    result = client.infer(model, [tensor(rows)], model_version=version, outputs=outputs, request_id="mine")
    answer = result.get_response()
    labels = result.as_numpy("label")
    return {
        "version": answer.model_version,
        "id": answer.id,
        "scores": result.as_numpy("score").tolist(),
        "labels": None if labels is None else labels.tolist(),
    }


def status_of(call):
    try:
        call()
    except InferenceServerException as failure:
        return failure.status()
    return "OK"


rows = np.fromfile(rows_file, dtype=np.float32).reshape(-1, 605)
index = client.get_model_repository_index(as_json=True)["models"]
metadata = client.get_model_metadata(name, as_json=True)
seen = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": client.is_model_ready(name),
    "unknown_ready": client.is_model_ready("sim:NO-SUCH"),
    "server": client.get_server_metadata(as_json=True)["name"],
    "inputs": [[one["name"], one["datatype"], one["shape"]] for one in metadata["inputs"]],
    "index": [one["name"] for one in index],
    "raw": infer(rows),
    "one_output": infer(rows, outputs=[triton.InferRequestedOutput("score")]),
    "older": infer(rows, version=older),
    "unknown_model": status_of(lambda: infer(rows, model="sim:NO-SUCH")),
    "unknown_version": status_of(lambda: infer(rows, version="999")),
    "wrong_shape": status_of(lambda: infer(rows[:, :600].copy())),
}
print(json.dumps(seen))
