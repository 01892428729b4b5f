"""The predictor beside a bare gRPC echo of the same payload, taken in turns in one run; then swaps under load.

Of a batch, beside the echo, also what merely to receive it costs.

Both servers are processes of their own with the same server options; the client is this process. `python -m
bench.predictor echo PORT` is the echo.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from bench import h2load
from bench.harness import Servers, Size, spread_ms
from services.predictor.server import options
from services.predictor.servicer import SERVICE
from services.predictor.settings import Settings
from tests.synthetic_models import INSTRUMENT, make_row, published
from tidewheel.local.processes.subprocesses import free_port, start, stop
from tidewheel.registry.store import Publication, Registry
from tidewheel.wire.v1 import predictor_pb2

CALLS = {Size.SMOKE: 100, Size.FULL: 5_000}
ROUNDS = {Size.SMOKE: 1, Size.FULL: 4}
# A model's seed is its number; that of the first is used, but for the swaps.
MODEL_SEED = 1
REQUEST_SEEDS = range(50)
SWAPS = {Size.SMOKE: 5, Size.FULL: 100}
STRETCH_S = 0.05
LOADERS = 4
LOADED_CALLS = {Size.SMOKE: 400, Size.FULL: 20_000}
BATCH_ROWS = 1_000
STREAMS = 8
# What grpc's own examples take.
ECHO_THREADS = 10
WARM_UP_CALLS = 50
CALL_LIMIT_S = 10.0
START_LIMIT_S = 30.0
ECHO = "/bench.Echo/Echo"
# Takes the same and answers nothing: what grpcio itself costs whoever receives.
SINK = "/bench.Echo/Sink"
PREDICT = f"/{SERVICE}/Predict"

Call = Callable[[bytes], bytes]
# The process and its port.
Served = tuple[int, int]


def run(size: Size, servers: Servers) -> dict[str, Any]:
    registry = Registry.connect(servers.redis)
    registry.publish(*published(MODEL_SEED))
    with (
        tempfile.TemporaryDirectory() as folder,
        predictor(servers, Path(folder)) as (ours, our_process),
        echo(Path(folder)) as (bare, echo_process),
    ):
        requests = [request(seed) for seed in REQUEST_SEEDS]
        await_model(ours, requests[0])
        digest = sha256(b"".join(np.float64(reply(ours(one)).score).tobytes() for one in requests))
        one_by_one = compare(ours, bare, requests, CALLS[size], ROUNDS[size], threads=1)
        at_once = compare(ours, bare, requests, CALLS[size], ROUNDS[size], threads=LOADERS)
        loaded = under_load(our_process, echo_process, requests[0], size) if h2load.available() else None
        swaps = swaps_under_load(registry, ours, requests[0], SWAPS[size])
        cost = swap_cost(registry, ours, requests[0], MODEL_SEED + 1 + SWAPS[size], SWAPS[size])
    registry.close()
    return {
        "model_seed": MODEL_SEED,
        "request_seeds": list(REQUEST_SEEDS),
        "request_bytes": len(requests[0]),
        "calls": CALLS[size] * ROUNDS[size],
        "one_in_flight": one_by_one,
        f"{LOADERS}_in_flight": at_once,
        "h2load_32_in_flight": loaded,
        "swaps_under_load": swaps,
        "longest_call_ms": cost,
        "result_hash": digest.hexdigest()[:16],
    }


def request(seed: int) -> bytes:
    row = make_row(seed).tobytes()
    return predictor_pb2.PredictRequest(instrument=INSTRUMENT, features_f32=row).SerializeToString()


def reply(payload: bytes) -> predictor_pb2.PredictResponse:
    return predictor_pb2.PredictResponse.FromString(payload)


def compare(ours: Call, bare: Call, requests: list[bytes], calls: int, rounds: int, threads: int) -> dict[str, Any]:
    """Calls per second and latencies of both, in turns, so that the machine's moods hit both alike."""
    taken: dict[str, list[float]] = {"predictor": [], "echo": []}
    wall_s = dict.fromkeys(taken, 0.0)
    for call in (ours, bare):
        latencies(call, requests, WARM_UP_CALLS)
    for _ in range(rounds):
        for name, call in (("predictor", ours), ("echo", bare)):
            started = time.perf_counter()
            with ThreadPoolExecutor(threads) as pool:
                works = [pool.submit(latencies, call, requests, calls // threads) for _ in range(threads)]
                for work in works:
                    taken[name] += work.result()
            wall_s[name] += time.perf_counter() - started
    figures: dict[str, Any] = {}
    for name, times in taken.items():
        p50, p99 = np.percentile(times, (50, 99)) * 1e3
        figures[name] = {
            "calls_per_s": round(len(times) / wall_s[name]),
            "p50_ms": round(p50, 3),
            "p99_ms": round(p99, 3),
        }
    figures["share_of_echo"] = round(figures["predictor"]["calls_per_s"] / figures["echo"]["calls_per_s"], 3)
    return figures


def latencies(call: Call, requests: list[bytes], calls: int) -> list[float]:
    taken = []
    for number in range(calls):
        started = time.perf_counter()
        call(requests[number % len(requests)])
        taken.append(time.perf_counter() - started)
    return taken


def swaps_under_load(registry: Registry, call: Call, payload: bytes, swaps: int) -> dict[str, Any]:
    """Publish model after model while clients call without a pause; count what fails and what goes backwards."""
    done = threading.Event()
    seen: list[list[int]] = [[] for _ in range(LOADERS)]
    with ThreadPoolExecutor(LOADERS) as pool:
        loads = [pool.submit(load, call, payload, done, mine) for mine in seen]
        delays = []
        try:
            for seq in range(MODEL_SEED + 1, MODEL_SEED + 1 + swaps):
                model, record = published(seq)
                started = time.perf_counter()
                assert registry.publish(model, record) is Publication.PUBLISHED
                while not all(mine and mine[-1] >= seq for mine in seen) and not any(work.done() for work in loads):
                    time.sleep(0.0005)
                delays.append(time.perf_counter() - started)
        finally:
            done.set()
        failed = sum(work.result() for work in loads)
    backwards = sum(later < earlier for mine in seen for earlier, later in pairwise(mine))
    p50, p99 = np.percentile(delays, (50, 99)) * 1e3
    return {
        "swaps": swaps,
        "calls": sum(len(mine) for mine in seen) + failed,
        "failed_calls": failed,
        "versions_backwards": backwards,
        "publish_to_served_p50_ms": round(p50, 1),
        "publish_to_served_p99_ms": round(p99, 1),
    }


def swap_cost(registry: Registry, call: Call, payload: bytes, first: int, swaps: int) -> dict[str, dict[str, float]]:
    """The longest call of each stretch in which a model is swapped, and of as many stretches in which none is."""
    longest: dict[str, list[float]] = {"without_swap": [], "with_swap": []}
    for model, record in [published(seq) for seq in range(first, first + swaps)]:
        longest["without_swap"].append(longest_call_s(call, payload, 0))
        assert registry.publish(model, record) is Publication.PUBLISHED
        longest["with_swap"].append(longest_call_s(call, payload, record.seq))
    return {name: spread_ms(taken) for name, taken in longest.items()}


def longest_call_s(call: Call, payload: bytes, seq: int) -> float:
    """Of calls one after another for a stretch, or longer until model `seq` answers."""
    longest, answered = 0.0, False
    ends = time.perf_counter() + STRETCH_S
    while not answered or time.perf_counter() < ends:
        started = time.perf_counter()
        answer = call(payload)
        longest = max(longest, time.perf_counter() - started)
        answered = answered or reply(answer).model.seq >= seq
    return longest


def load(call: Call, payload: bytes, done: threading.Event, seen: list[int]) -> int:
    """Call until done; returns the number of failed calls."""
    failed = 0
    while not done.is_set():
        try:
            seen.append(reply(call(payload)).model.seq)
        except grpc.RpcError:
            failed += 1
    return failed


def await_model(call: Call, payload: bytes) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        try:
            call(payload)
            return
        except grpc.RpcError as failure:
            if time.monotonic() > deadline:
                raise RuntimeError(f"no model served after {START_LIMIT_S:.0f} s: {failure.details()}") from None
            time.sleep(0.02)


def under_load(ours: Served, bare: Served, payload: bytes, size: Size) -> dict[str, Any]:
    """One core each for server and load; beside the echo of the same payload a batch, in rows a second of the
    server's processor."""
    pid, port = ours
    rows = np.array([make_row(seed) for seed in range(BATCH_ROWS)]).tobytes()
    batch = predictor_pb2.PredictBatchRequest(instrument=INSTRUMENT, features_f32=rows).SerializeToString()
    single = {
        "predictor": h2load.Contender(pid, port, PREDICT, payload),
        "echo": h2load.Contender(*bare, ECHO, payload),
    }
    figures = h2load.compare(single, LOADED_CALLS[size], ROUNDS[size], STREAMS)
    figures["share_of_echo"] = round(figures["predictor"]["calls_per_s"] / figures["echo"]["calls_per_s"], 3)
    figures["p99_times_echo"] = round(figures["predictor"]["p99_ms"] / figures["echo"]["p99_ms"], 2)
    many = {
        f"batch_of_{BATCH_ROWS}": h2load.Contender(pid, port, f"/{SERVICE}/PredictBatch", batch, BATCH_ROWS),
        f"echo_of_{BATCH_ROWS}": h2load.Contender(*bare, ECHO, batch, BATCH_ROWS),
        f"received_{BATCH_ROWS}": h2load.Contender(*bare, SINK, batch, BATCH_ROWS),
    }
    return figures | h2load.compare(many, LOADED_CALLS[size] // 50, ROUNDS[size], streams=1)


@contextmanager
def served(command: list[str], env: dict[str, str], port: int, method: str, log: Path) -> Iterator[tuple[Call, Served]]:
    """A server process, as the call of its one method."""
    process = start([sys.executable, "-m", *command], log, {**os.environ, **env})
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            method_of_channel = channel.unary_unary(method)
            call = lambda payload: method_of_channel(payload, timeout=CALL_LIMIT_S, wait_for_ready=True)  # noqa: E731
            yield call, (process.pid, port)
    finally:
        stop(process, CALL_LIMIT_S)


@contextmanager
def predictor(servers: Servers, folder: Path) -> Iterator[tuple[Call, Served]]:
    port = free_port()
    own = {"KAFKA": servers.kafka, "REDIS": servers.redis, "GRPC_PORT": str(port), "METRICS_PORT": "0"}
    own["DRAIN_WAIT_S"] = "0"
    env = {f"TIDEWHEEL_{name}": value for name, value in own.items()}
    with served(["services.predictor"], env, port, PREDICT, folder / "predictor.log") as made:
        yield made


@contextmanager
def echo(folder: Path) -> Iterator[tuple[Call, Served]]:
    port = free_port()
    with served(["bench.predictor", "echo", str(port)], {}, port, ECHO, folder / "echo.log") as made:
        yield made


def serve_echo(port: int) -> None:
    """Gives back what it gets, with the predictor's pool and options, until it is terminated."""
    server = grpc.server(ThreadPoolExecutor(ECHO_THREADS), options=options(Settings()))
    for name, answer in ((ECHO, lambda payload, _: payload), (SINK, lambda _, __: b"")):
        service, method = name.strip("/").split("/")
        handler = grpc.unary_unary_rpc_method_handler(answer)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    serve_echo(int(sys.argv[2]))
