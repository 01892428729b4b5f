"""`python -m bench.rivals.serving`: the predictor beside other model servers with the same model, and a bare echo.

All get the same row: MLServer, KServe's Python server and ours by the open inference protocol with a raw tensor, ours
by `Predict` too. One core for the server and one for the load (h2load), in turns. Printed is one JSON line: calls a
second, processor time a call, latencies, ours as a multiple of theirs, and whether they score as ours.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from bench import h2load
from bench.harness import machine, servers
from bench.predictor import (
    CALL_LIMIT_S,
    ECHO,
    MODEL_SEED,
    PREDICT,
    STREAMS,
    Call,
    Served,
    await_model,
    echo,
    predictor,
    request,
)
from bench.rivals.linear import Linear
from services.predictor.open_inference.service import SERVICE as OPEN_INFERENCE
from tests.synthetic_models import INSTRUMENT, make_model, make_row, published
from tidewheel.domain.models import Scorer
from tidewheel.local.processes.subprocesses import free_port, start, stop
from tidewheel.registry.store import Registry
from tidewheel.wire.open_inference import open_inference_pb2 as wire

ROOT = Path(__file__).parent.parent.parent
RIVALS = ("mlserver", "kserve")
INFER = f"/{OPEN_INFERENCE}/ModelInfer"
ROW_SEED = 0
START_LIMIT_S = 120.0
# They sum in another order.
TOLERANCE = 1e-9


def python(rival: str) -> Path:
    return ROOT / f".venv-rivals-{rival}" / "bin" / "python"


def infer_request() -> bytes:
    """One row as a raw tensor."""
    row = make_row(ROW_SEED)
    message = wire.ModelInferRequest(model_name=INSTRUMENT, raw_input_contents=[row.tobytes()])
    message.inputs.add(name="features", datatype="FP32", shape=[1, len(row)])
    return message.SerializeToString()


def score_of(call: Call) -> float:
    """What a server answers by the open inference protocol, asked until it answers. Raises RuntimeError."""
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        try:
            response = wire.ModelInferResponse.FromString(call(infer_request()))
            break
        except grpc.RpcError as failure:
            if time.monotonic() > deadline:
                raise RuntimeError(f"no answer after {START_LIMIT_S:.0f} s: {failure.details()}") from None
            time.sleep(0.1)
    place = [output.name for output in response.outputs].index("score")
    return float(np.frombuffer(response.raw_output_contents[place], dtype="<f8")[0])


@contextmanager
def rival(name: str, model: Path, folder: Path) -> Iterator[tuple[Call, Served]]:
    port = free_port()
    command = [str(python(name)), "-m", f"bench.rivals.on_{name}", INSTRUMENT, str(model), str(port), str(free_port())]
    process = start(command, folder / f"{name}.log", {**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        with calls(port, INFER) as call:
            yield call, (process.pid, port)
    finally:
        stop(process, CALL_LIMIT_S)


@contextmanager
def calls(port: int, method: str) -> Iterator[Call]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        of_channel = channel.unary_unary(method)
        yield lambda payload: of_channel(payload, timeout=CALL_LIMIT_S)


def compare(count: int, rounds: int) -> dict[str, Any]:
    """All contenders in turns."""
    scorer = Scorer.of(make_model(MODEL_SEED))
    with servers() as running, tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        registry = Registry.connect(running.redis)
        registry.publish(*published(MODEL_SEED))
        registry.close()
        Linear(scorer.weights, scorer.offset, scorer.threshold).save(folder / "model.npz")
        predict, (pid, port) = stack.enter_context(predictor(running, folder))
        await_model(predict, request(ROW_SEED))
        asked = {"tidewheel": stack.enter_context(calls(port, INFER))}
        _, bare = stack.enter_context(echo(folder))
        contenders = {
            "echo": h2load.Contender(*bare, ECHO, request(ROW_SEED)),
            "tidewheel_predict": h2load.Contender(pid, port, PREDICT, request(ROW_SEED)),
            "tidewheel": h2load.Contender(pid, port, INFER, infer_request()),
        }
        for one in RIVALS:
            asked[one], (their_pid, their_port) = stack.enter_context(rival(one, folder / "model.npz", folder))
            contenders[one] = h2load.Contender(their_pid, their_port, INFER, infer_request())
        scores = {one: score_of(call) for one, call in asked.items()}
        figures = h2load.compare(contenders, count, rounds, STREAMS)
    return {
        "contenders": figures,
        "ours_over_theirs": {one: over(figures["tidewheel"], figures[one]) for one in RIVALS},
        "predict_over_theirs": {one: over(figures["tidewheel_predict"], figures[one]) for one in (*RIVALS, "echo")},
        "scores_as_ours": {one: abs(scores[one] - scores["tidewheel"]) < TOLERANCE for one in RIVALS},
    }


def over(ours: Mapping[str, float], theirs: Mapping[str, float]) -> dict[str, float]:
    """Ours as a multiple of theirs: by calls a second, and by processor time, where theirs is in the numerator."""
    return {
        "calls_per_s": round(ours["calls_per_s"] / theirs["calls_per_s"], 2),
        "by_cpu": round(theirs["cpu_us_per_call"] / ours["cpu_us_per_call"], 2),
        "p99": round(ours["p99_ms"] / theirs["p99_ms"], 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rivals.serving")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=5_000, help="of each contender in a round")
    given = parser.parse_args()
    if missing := [name for name in RIVALS if not python(name).exists()]:
        print(f"no environment of {', '.join(missing)}: run `make bench-servers`", file=sys.stderr)
        return 2
    if not h2load.available():
        print("h2load is not on PATH (Debian: nghttp2-client), or there is one core only", file=sys.stderr)
        return 2
    figures = compare(given.calls, given.rounds)
    print(json.dumps({"bench": "serving", "calls": given.calls, "rounds": given.rounds, **figures, "on": machine()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
