"""Requests and byte streams that chance made, thrown at a predictor while another asks honestly.

`python -m tests.soak --count 100000` is the long form (`make soak`), on a predictor of its own, with drains under load
after it; the tests throw some hundreds. Told are the status codes by kind; found is what must not be: INTERNAL or
UNKNOWN, an honest call that fails, health that is slow, a process that ends, memory that grows, a call that a drain
cancels.
"""

import argparse
import math
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import grpc
import psutil
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from services.predictor.servicer import SERVICE
from tests.hostile_callers import EMPTY_SETTINGS, PREFACE, call_frames, frame, held_calls, sockets
from tests.predictors import Client, redis_with_model, serving
from tests.predictors_under_load import drained_under_load, peak_resident_bytes
from tests.synthetic_models import INSTRUMENT, make_row
from tests.waiting import LIMIT_S
from tidewheel.wire.open_inference import open_inference_pb2 as oip
from tidewheel.wire.v1 import predictor_pb2 as wire

OIP = "inference.GRPCInferenceService"
HEALTH = "grpc.health.v1.Health"
REFLECTION = "grpc.reflection.v1.ServerReflection"
DRAINED_CODES = (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
HEALTH_S_MAX = 1.0
FORBIDDEN = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
# One in so many is a byte stream on a connection of its own instead of a call.
STREAM_EVERY = 10
TEXTS = ("", INSTRUMENT, "sim:ETH-USD", "x" * 9_000, "\x00\x1b[31m", "\u202e\u00fc", "1", "-1", "9" * 30, "features")
# Megabytes that a predictor may grow by while it is attacked: pools, caches and the allocator's own.
GROWTH_BYTES_MAX = 96 * 2**20


def request_of(chance: Random) -> tuple[str, bytes]:
    """A method, and a message that is right, nearly right, or nothing at all."""
    method, made = chance.choice(MESSAGES)
    payload = made(chance).SerializeToString()
    return method, chance.choice(DAMAGES)(chance, payload)


def predict(chance: Random) -> Any:
    row = make_row(chance.randrange(5)).tobytes()
    return wire.PredictRequest(
        instrument=chance.choice(TEXTS),
        features_f32=row[: chance.choice((len(row), 0, 7))],
        features=[chance.uniform(-1e38, 1e38) for _ in range(chance.choice((0, 0, 1, 605)))],
        schema_hash=chance.choice((b"", b"x", bytes(8_000))),
    )


def batch(chance: Random) -> Any:
    rows = make_row(1).tobytes() * chance.choice((0, 1, 3, 40))
    return wire.PredictBatchRequest(instrument=chance.choice(TEXTS), features_f32=rows)


def now(chance: Random) -> Any:
    price = lambda: chance.choice((0, 1, -1, 2**63 - 1, -(2**63)))  # noqa: E731
    return wire.PredictNowRequest(instrument=chance.choice(TEXTS), bid_e9=price(), offer_e9=price())


def infer(chance: Random) -> Any:
    request = oip.ModelInferRequest(
        model_name=chance.choice((INSTRUMENT, *TEXTS)),
        model_version=chance.choice(TEXTS),
        id=chance.choice(TEXTS),
    )
    for _ in range(chance.choice((0, 1, 1, 1, 2))):
        shape = [chance.choice((0, 1, 2, 605, -1, 2**62)) for _ in range(chance.choice((0, 1, 2, 2, 2, 9)))]
        tensor = request.inputs.add(name=chance.choice(TEXTS), datatype=chance.choice(("FP32", "", "BYTES")))
        tensor.shape.extend(chance.choice((shape, [1, 605])))
        if chance.random() < 0.3:
            tensor.contents.fp32_contents.extend([0.5] * chance.choice((1, 605)))
    if chance.random() < 0.6:
        request.raw_input_contents.append(make_row(1).tobytes()[: chance.choice((0, 5, 2420))])
    return request


def reflect(chance: Random) -> Any:
    extension = reflection_pb2.ExtensionRequest(
        containing_type=chance.choice((*TEXTS, "google.protobuf.FieldOptions")),
        extension_number=chance.choice((0, -1, 2**31 - 1)),
    )
    return chance.choice(
        (
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_by_filename=chance.choice(TEXTS)),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=chance.choice((*TEXTS, OIP, ".", "a."))),
            reflection_pb2.ServerReflectionRequest(file_containing_extension=extension),
            reflection_pb2.ServerReflectionRequest(all_extension_numbers_of_type=chance.choice((*TEXTS, OIP))),
            reflection_pb2.ServerReflectionRequest(),
        )
    )


MESSAGES: tuple[tuple[str, Callable[[Random], Any]], ...] = (
    (f"/{SERVICE}/Predict", predict),
    (f"/{SERVICE}/PredictBatch", batch),
    (f"/{SERVICE}/PredictNow", now),
    (f"/{OIP}/ModelInfer", infer),
    (
        f"/{OIP}/ModelReady",
        lambda chance: oip.ModelReadyRequest(name=chance.choice(TEXTS), version=chance.choice(TEXTS)),
    ),
    (f"/{OIP}/ModelMetadata", lambda chance: oip.ModelMetadataRequest(name=chance.choice(TEXTS))),
    (f"/{OIP}/RepositoryIndex", lambda chance: oip.RepositoryIndexRequest(ready=chance.random() < 0.5)),
    (f"/{OIP}/ServerReady", lambda chance: oip.ServerReadyRequest()),
    (f"/{HEALTH}/Check", lambda chance: health_pb2.HealthCheckRequest(service=chance.choice(TEXTS))),
    (f"/{HEALTH}/List", lambda chance: health_pb2.HealthListRequest()),
    (f"/{REFLECTION}/ServerReflectionInfo", reflect),
)


def cut(chance: Random, payload: bytes) -> bytes:
    return payload[: chance.randrange(len(payload) + 1)]


def flipped(chance: Random, payload: bytes) -> bytes:
    damaged = bytearray(payload)
    for _ in range(min(len(damaged), 3)):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


DAMAGES: tuple[Callable[[Random, bytes], bytes], ...] = (
    lambda _, payload: payload,
    lambda _, payload: payload,
    cut,
    flipped,
    lambda chance, payload: payload + chance.randbytes(chance.randrange(20)),
    lambda chance, _: chance.randbytes(chance.randrange(200)),
)


def byte_stream(chance: Random) -> bytes:
    """What comes on a connection instead of HTTP/2, or almost as HTTP/2."""
    method, payload = request_of(chance)
    call = call_frames(method, payload)
    whole = PREFACE + EMPTY_SETTINGS + call
    return chance.choice(
        (
            chance.randbytes(chance.randrange(400)),
            cut(chance, whole),
            flipped(chance, whole),
            PREFACE + EMPTY_SETTINGS + frame(chance.randrange(12), chance.randrange(256), 1, chance.randbytes(40)),
            PREFACE + EMPTY_SETTINGS + call_frames(method, b"")[:-5] + b"\x01\xff\xff\xff\xff",
            b"GET /metrics HTTP/1.1\r\n\r\n",
        )
    )


@dataclass
class Seen:
    """What came of it."""

    codes: Counter[str] = field(default_factory=Counter)
    streams: int = 0
    forbidden: list[str] = field(default_factory=list)


def throw(port: int, seed: int, count: int) -> Seen:
    """So many requests and byte streams, one after the other."""
    chance, seen = Random(seed), Seen()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        for number in range(count):
            if number % STREAM_EVERY == 0:
                with sockets(port, 1, byte_stream(chance)):
                    seen.streams += 1
                continue
            method, payload = request_of(chance)
            code = code_of(channel, method, payload)
            seen.codes[code.name] += 1
            if code in FORBIDDEN:
                seen.forbidden.append(f"{code.name} {method} {payload.hex()[:400]}")
    return seen


def code_of(channel: grpc.Channel, method: str, payload: bytes) -> grpc.StatusCode:
    """Of a call as a stream of one message, which is what all kinds are on the wire."""
    try:
        for _ in channel.stream_stream(method)(iter([payload]), timeout=LIMIT_S):
            pass
    except grpc.RpcError as failure:
        code: grpc.StatusCode = failure.code()
        return code
    return grpc.StatusCode.OK


@dataclass
class Honest:
    """What one got who asks for predictions and health all the while: what failed, and how long health took, in s."""

    failures: list[str] = field(default_factory=list)
    health_s: list[float] = field(default_factory=list)

    def ask(self, client: Client) -> None:
        try:
            client.predict(make_row(1))
            asked_s = time.monotonic()
            client.health(SERVICE)
            self.health_s.append(time.monotonic() - asked_s)
        except grpc.RpcError as failure:
            self.failures.append(f"{failure.code().name}: {failure.details()}")

    def health_s_p99(self) -> float:
        return sorted(self.health_s)[int(0.99 * len(self.health_s))] if self.health_s else math.inf


@contextmanager
def honest(client: Client) -> Iterator[Honest]:
    """One who asks all the while."""
    over, seen = threading.Event(), Honest()

    def ask() -> None:
        while not over.is_set():
            seen.ask(client)
            over.wait(0.01)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(LIMIT_S)


def attack(port: int, pid: int, seed: int, count: int, warm_up: int) -> tuple[Seen, Honest, int]:
    """What was seen, what became of others, and by how many bytes the process grew once it was warm."""
    client = Client(port)
    held_at = (f"/{SERVICE}/Predict", f"/{REFLECTION}/ServerReflectionInfo", f"/{HEALTH}/Watch")
    with honest(client) as others:
        throw(port, seed + 1, warm_up)
        before = psutil.Process(pid).memory_info().rss
        with ExitStack() as stack:
            for method in held_at:
                stack.enter_context(held_calls(port, method, 100))
            for said in (PREFACE[:7], PREFACE + EMPTY_SETTINGS):
                stack.enter_context(sockets(port, 50, said))
            seen = throw(port, seed, count)
        grown = psutil.Process(pid).memory_info().rss - before
    client.channel.close()
    return seen, others, grown


def drains(redis_url: str, folder: Path, count: int) -> Iterator[Counter[grpc.StatusCode]]:
    """What callers got from predictors that were told to end under load, one after the other."""
    for number in range(count):
        own = folder / f"drain-{number}"
        own.mkdir()
        with serving(redis_url, own, DRAIN_WAIT_S="0.2") as (started, port, _, _):
            yield drained_under_load(started, port)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.soak")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--drains", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, redis_with_model(Path(folder)) as (url, _):
        faults = attacked(url, Path(folder), asked.seed, asked.count)
        faults += drained(url, Path(folder), asked.drains)
    print("\n".join(faults) or "nothing that must not be")
    return 1 if faults else 0


def attacked(url: str, folder: Path, seed: int, count: int) -> list[str]:
    """What must not be of a predictor under attack; its figures are printed."""
    with serving(url, folder) as (started, port, log, _):
        seen, others, grown = attack(port, started.pid, seed, count, warm_up=2_000)
        ended, said, peak = started.poll(), log.read_text(errors="replace"), peak_resident_bytes(started.pid)
    print(f"{sum(seen.codes.values())} requests {dict(seen.codes)}, {seen.streams} byte streams, seed {seed}")
    print(f"grown by {grown / 2**20:.1f} MiB, at most {peak / 2**20:.0f} MiB resident")
    print(
        f"honest: {len(others.health_s)} times both answers, {len(others.failures)} failures; health within "
        f"{others.health_s_p99():.3f} s (p99), {max(others.health_s, default=math.inf):.3f} s (all)"
    )
    faults = [*seen.forbidden[:20], *others.failures[:20]]
    faults += ["health took longer than 1 s (p99)"] * (others.health_s_p99() > HEALTH_S_MAX)
    faults += [said[max(0, said.find("Traceback") - 300) :][:3_000]] * ("Traceback" in said)
    faults += ["the predictor ended"] * (ended is not None)
    faults += ["bytes of strangers are in its log"] * any(not one.isprintable() for one in said.splitlines())
    return faults + [f"grown by {grown} bytes"] * (grown > GROWTH_BYTES_MAX)


def drained(url: str, folder: Path, count: int) -> list[str]:
    """Calls that drains ended otherwise than they may: answered, or once nobody is there, UNAVAILABLE."""
    codes: Counter[grpc.StatusCode] = Counter()
    for one in drains(url, folder, count):
        codes += one
    print(f"{count} drains under load: { ({code.name: calls for code, calls in codes.items()}) }")
    return [f"{codes[code]} calls ended {code.name} in a drain" for code in codes if code not in DRAINED_CODES]


if __name__ == "__main__":
    sys.exit(main())
