"""The predictor over a real gRPC channel, with a real Redis and a real broker."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest
import redis
from confluent_kafka import Producer
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.predictor import __main__ as predictor
from services.predictor.servicer import SERVICE
from services.predictor.settings import Settings
from tests.made_models import INSTRUMENT, a_model, a_record, a_row, published
from tests.made_seconds import START, features_by_hand, seconds
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.models import encode_model, encode_model_record
from tidewheel.contracts.topics import TICKS
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.models import Model, Scorer
from tidewheel.local.processes import free_port, kill_group, start
from tidewheel.local.redis import start_redis
from tidewheel.registry import keys
from tidewheel.registry.store import Doubt, Publication, Registry
from tidewheel.runtime.health import Health
from tidewheel.runtime.kafka import flush, producer_config
from tidewheel.runtime.process import Context
from tidewheel.telemetry import metrics
from tidewheel.wire.v1 import predictor_pb2 as wire
from tidewheel.wire.v1.predictor_pb2_grpc import PredictorServiceStub

pytestmark = pytest.mark.redis_server

NO_KAFKA = "127.0.0.1:1"
LIMIT_S = 20.0
CALL_LIMIT_S = 10.0


def eventually(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {LIMIT_S:.0f} s"
        time.sleep(0.01)


class Client:
    """A channel to a predictor, and its calls."""

    def __init__(self, port: int) -> None:
        soon = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=soon)
        self.stub = PredictorServiceStub(self.channel)

    def predict(self, row: np.ndarray, instrument: str = INSTRUMENT) -> wire.PredictResponse:
        request = wire.PredictRequest(instrument=instrument, features_f32=row.tobytes())
        return self.stub.Predict(request, timeout=CALL_LIMIT_S, wait_for_ready=True)

    def now(self, bid_e9: int = 0, offer_e9: int = 0) -> wire.PredictNowResponse:
        request = wire.PredictNowRequest(instrument=INSTRUMENT, bid_e9=bid_e9, offer_e9=offer_e9)
        return self.stub.PredictNow(request, timeout=CALL_LIMIT_S, wait_for_ready=True)

    def refusal(self, call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.RpcError) as caught:
            call()
        return caught.value.code(), caught.value.details()

    def health(self, service: str) -> int:
        request = health_pb2.HealthCheckRequest(service=service)
        stub = health_pb2_grpc.HealthStub(self.channel)
        return int(stub.Check(request, timeout=CALL_LIMIT_S, wait_for_ready=True).status)

    def served(self) -> tuple[int, int] | None:
        """Epoch and seq, None without a model."""
        try:
            model = self.predict(a_row(1)).model
        except grpc.RpcError:
            return None
        return model.epoch, model.seq


class Running:
    """A predictor as its process composes it, on a thread of the test."""

    def __init__(self, redis_url: str, kafka: str = NO_KAFKA, **more: object) -> None:
        port = free_port()
        values = {"redis": redis_url, "kafka": kafka, "grpc_host": "127.0.0.1", "grpc_port": port, **more}
        settings = Settings(registry_poll_s=0.1, **values)  # type: ignore[arg-type]
        self.health, self._stop = Health("predictor"), threading.Event()
        context = Context(logging.getLogger("predictor"), self.health, self._stop)
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(settings, context))
        self._thread.start()
        self.client = Client(port)

    def _run(self, settings: Settings, context: Context) -> None:
        try:
            predictor.run(settings, context)
        except Exception as failure:
            self.failure = failure

    def end(self) -> None:
        self.client.channel.close()
        self._stop.set()
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()
        assert self.failure is None


@contextmanager
def running(redis_url: str, kafka: str = NO_KAFKA, **more: object) -> Iterator[Running]:
    made = Running(redis_url, kafka, **more)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def registry(empty_redis: str) -> Iterator[Registry]:
    store = Registry.connect(empty_redis)
    yield store
    store.close()


@pytest.fixture
def client(registry: Registry, empty_redis: str) -> Iterator[Client]:
    """A predictor that serves window 1, without a Kafka."""
    registry.publish(*published(1))
    with running(empty_redis) as made:
        eventually(lambda: made.client.served() == (1, 1), "window 1 is served")
        yield made.client


def count(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def failures(doubt: Doubt) -> float:
    return count("tidewheel_model_swap_failures_total", instrument=INSTRUMENT, reason=doubt)


def test_ready_with_the_first_model(registry: Registry, empty_redis: str) -> None:
    with running(empty_redis) as made:
        client = made.client
        serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        assert client.health("") == serving
        assert client.health(SERVICE) == not_serving
        assert made.health.ready_answer() == (False, "no verified model yet")
        unknown = grpc.StatusCode.NOT_FOUND
        eventually(lambda: client.refusal(lambda: client.predict(a_row(1)))[0] is unknown, "the registry is read")
        registry.publish(*published(1))
        eventually(lambda: client.health(SERVICE) == serving, "the service is healthy")
        assert made.health.ready_answer()[0]
        reply = client.predict(a_row(3))
        record = registry.record_of(INSTRUMENT, 1)
        assert record is not None
        assert (reply.model.seq, reply.model.epoch, reply.model.sha256) == (1, 1, record.sha256)
        assert reply.score == Scorer.of(a_model(1)).score(a_row(3))
        assert (reply.label, reply.threshold, reply.evidence) == (reply.score >= 0.5, 0.5, "none")


def test_a_refused_first_window_is_something_to_wait_for(registry: Registry, empty_redis: str) -> None:
    registry.record(replace(published(1)[1], sha256=""))
    with running(empty_redis) as made:
        wanted = grpc.StatusCode.FAILED_PRECONDITION
        client = made.client
        eventually(lambda: client.refusal(lambda: client.predict(a_row(1)))[0] is wanted, "the registry is read")
        assert "wait until a window" in client.refusal(lambda: client.predict(a_row(1)))[1]


def test_a_batch_is_scored_by_one_model(client: Client) -> None:
    rows = np.array([a_row(seed) for seed in range(1500)])
    request = wire.PredictBatchRequest(instrument=INSTRUMENT, features_f32=rows.tobytes(), schema_hash=SCHEMA_HASH)
    reply = client.stub.PredictBatch(request, timeout=CALL_LIMIT_S)
    assert list(reply.scores) == Scorer.of(a_model(1)).scores(rows).tolist()
    assert list(reply.labels) == [score >= 0.5 for score in reply.scores]
    assert reply.model.seq == 1


def test_faults_of_the_caller_are_never_internal(client: Client) -> None:
    def raw(method: str, payload: bytes) -> Callable[[], object]:
        call = client.channel.unary_unary(f"/{SERVICE}/{method}")
        return lambda: call(payload, timeout=CALL_LIMIT_S)

    def predict(**fields: object) -> Callable[[], object]:
        return raw("Predict", wire.PredictRequest(**{"instrument": INSTRUMENT, **fields}).SerializeToString())

    row, invalid = a_row(1), grpc.StatusCode.INVALID_ARGUMENT
    faults = [
        (predict(features=row.tolist()[:-1]), invalid, "features: 604 numbers, the model needs 605"),
        (predict(features_f32=row.tobytes()[:-4]), invalid, "features_f32: 2416 bytes"),
        (predict(), invalid, "give either features or features_f32"),
        (predict(features=row.tolist(), features_f32=row.tobytes()), invalid, "not both"),
        (predict(features=[float("nan"), *row.tolist()[1:]]), invalid, "number 0 (bid) is not finite"),
        (predict(features_f32=row.tobytes(), schema_hash=b"other"), invalid, "schema_hash"),
        (predict(features_f32=row.tobytes(), instrument="btc"), invalid, "instrument"),
        (predict(features_f32=row.tobytes(), instrument="sim:ETH-USD"), grpc.StatusCode.NOT_FOUND, INSTRUMENT),
        (raw("Predict", b"\xff\xff"), invalid, "request"),
        (raw("PredictBatch", b"\xff\xff"), invalid, "request"),
        (raw("PredictNow", b"\xff\xff"), invalid, "request"),
        (raw("Predict", bytes(5 * 2**20)), grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max"),
        (raw("PredictTomorrow", b""), grpc.StatusCode.UNIMPLEMENTED, ""),
        (lambda: client.now(5, 4), invalid, "crossed"),
        (lambda: client.now(5, 0), invalid, "offer_e9: 0 is no price"),
        (lambda: client.now(), grpc.StatusCode.UNAVAILABLE, "market seconds"),
    ]
    for call, code, words in faults:
        found = client.refusal(call)
        assert (found[0], words in found[1]) == (code, True), found
    assert client.served() == (1, 1)


def test_reflection_names_the_services(client: Client) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answer = next(iter(stub.ServerReflectionInfo(iter([request]), timeout=CALL_LIMIT_S)))
    names = {service.name for service in answer.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names


def test_swaps_under_load_fail_no_call(client: Client, registry: Registry) -> None:
    scorers = {seq: Scorer.of(a_model(seq)) for seq in range(1, 41)}
    row = a_row(5)
    scores = {seq: scorer.score(row) for seq, scorer in scorers.items()}
    done = threading.Event()
    seen: list[list[tuple[int, float]]] = [[] for _ in range(3)]
    broken: list[grpc.RpcError] = []

    def load(mine: list[tuple[int, float]]) -> None:
        while not done.is_set():
            try:
                reply = client.predict(row)
            except grpc.RpcError as failure:
                broken.append(failure)
                return
            mine.append((reply.model.seq, reply.score))

    threads = [threading.Thread(target=load, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    for seq in range(2, 41):
        registry.publish(*published(seq))
        eventually(lambda seq=seq: any(mine and mine[-1][0] == seq for mine in seen), f"window {seq} is served")
    done.set()
    for thread in threads:
        thread.join(LIMIT_S)
    assert broken == []
    for mine in seen:
        versions = [seq for seq, _ in mine]
        assert versions == sorted(versions)
        # Each reply is wholly of the model it names.
        assert all(score == scores[seq] for seq, score in mine)


def foist(url: str, model: Model | bytes, stored: Callable[[bytes], bytes | None]) -> None:
    """Point at a model as a publisher without scruples would: any bytes, with their own checksum everywhere."""
    payload = model if isinstance(model, bytes) else encode_model(model)
    record, lies = a_record(payload, 2), stored(payload)
    with redis.Redis.from_url(url) as raw, raw.pipeline(transaction=True) as all_at_once:
        if lies is not None:
            all_at_once.set(keys.model(INSTRUMENT, 2), lies)
        all_at_once.set(keys.about(INSTRUMENT, 2), encode_model_record(record))
        moved = {"seq": 2, "sha256": record.sha256, "newest_seq": 2}
        all_at_once.hset(keys.pointer(INSTRUMENT, keys.CURRENT), mapping=moved)
        all_at_once.execute()


def with_nan(model: Model) -> Model:
    coefficients = model.coefficients.copy()
    coefficients[300] = np.nan
    return replace(model, coefficients=coefficients)


def as_it_is(payload: bytes) -> bytes:
    return payload


@pytest.mark.parametrize(
    ("doubt", "model", "stored"),
    [
        (Doubt.CHECKSUM, a_model(2), lambda payload: payload[:5000] + bytes([payload[5000] ^ 1]) + payload[5001:]),
        (Doubt.MISSING, a_model(2), lambda _: None),
        (Doubt.UNDECODABLE, b"\xff\xff\xff", as_it_is),
        (Doubt.IDENTITY, a_model(2, "sim:ETH-USD"), as_it_is),
        (Doubt.SCHEMA, replace(a_model(2), schema_hash=bytes(32)), as_it_is),
        (Doubt.NOT_FINITE, with_nan(a_model(2)), as_it_is),
        (Doubt.GOLDEN, replace(a_model(2), golden_score=0.123), as_it_is),
    ],
)
def test_what_does_not_verify_is_not_taken(
    client: Client,
    registry: Registry,
    empty_redis: str,
    doubt: Doubt,
    model: Model | bytes,
    stored: Callable[[bytes], bytes | None],
) -> None:
    before = failures(doubt)
    foist(empty_redis, model, stored)
    eventually(lambda: failures(doubt) > before, f"{doubt} is counted")
    assert client.served() == (1, 1)
    assert registry.publish(*published(3)) is Publication.PUBLISHED
    eventually(lambda: client.served() == (1, 3), "the next good model is served")


def test_a_rollback_is_followed(client: Client, registry: Registry) -> None:
    for seq in (2, 3):
        registry.publish(*published(seq))
    registry.rollback(INSTRUMENT, 1)
    eventually(lambda: client.served() == (2, 1), "the rollback is served")
    registry.publish(*published(4))
    eventually(lambda: client.served() == (2, 4), "the next window is served")


def test_signed_models_only(registry: Registry, empty_redis: str) -> None:
    signing = Registry.connect(empty_redis, b"secret")
    signing.publish(*published(1))
    with running(empty_redis, hmac_key="secret") as made:
        eventually(lambda: made.client.served() == (1, 1), "the signed model is served")
        before = failures(Doubt.HMAC)
        registry.publish(*published(2))
        eventually(lambda: failures(Doubt.HMAC) > before, "the unsigned model is counted")
        assert made.client.served() == (1, 1)
    signing.close()


def test_redis_killed_and_restarted(tmp_path: Path) -> None:
    def up() -> float:
        return count("tidewheel_registry_up", service="predictor")

    server = start_redis(tmp_path, free_port())
    with ExitStack() as stack:
        registry = Registry.connect(server.url)
        stack.callback(registry.close)
        registry.publish(*published(1))
        made = stack.enter_context(running(server.url))
        eventually(lambda: made.client.served() == (1, 1), "window 1 is served")
        assert up() == 1
        server.process.kill()
        server.process.wait()
        eventually(lambda: up() == 0, "the outage is seen")
        assert made.client.served() == (1, 1)
        assert made.health.ready_answer()[0]
        assert made.client.health(SERVICE) == health_pb2.HealthCheckResponse.SERVING
        server = start_redis(tmp_path, server.port)
        stack.callback(server.stop)
        eventually(lambda: up() == 1, "Redis is seen again")
        registry.publish(*published(2))
        eventually(lambda: made.client.served() == (1, 2), "the next window is served")


def write(address: str, payloads: list[bytes]) -> None:
    producer = Producer(producer_config(address, "test"))
    for payload in payloads:
        producer.produce(TICKS.name, payload, INSTRUMENT)
        producer.poll(0)
    flush(producer)


def encoded(past: list[MarketSecond]) -> list[bytes]:
    return [encode_second(second) for second in past]


def now_by_hand(past: list[MarketSecond], bid_e9: int, offer_e9: int) -> float:
    row = np.array(features_by_hand(past, bid_e9, offer_e9), dtype="<f4")
    return Scorer.of(a_model(1)).score(row)


def awaits_second(client: Client, second: int) -> wire.PredictNowResponse:
    def known() -> bool:
        try:
            return client.now().second == second
        except grpc.RpcError:
            return False

    eventually(known, f"second {second} is known")
    return client.now()


@pytest.mark.broker
def test_now_follows_the_market(broker: str, registry: Registry, empty_redis: str) -> None:
    registry.publish(*published(1))
    past = seconds(6000)
    write(broker, encoded(past[:3000]))
    with running(empty_redis, broker) as made:
        client = made.client
        known = past[:3000]
        reply = awaits_second(client, known[-1].second)
        close = known[-1].close_bid_e9, known[-1].close_offer_e9
        assert (reply.bid_e9, reply.offer_e9, reply.stale) == (*close, False)
        assert reply.prediction.score == now_by_hand(known, *close)
        assert reply.prediction.model.seq == 1
        mine = client.now(97 * 10**9 + 1, 98 * 10**9)
        assert mine.prediction.score == now_by_hand(known, 97 * 10**9 + 1, 98 * 10**9)
        # A record that is none, then a burst longer than is read back.
        before = count("tidewheel_dead_letters_total", service="predictor", source="ticks", reason="undecodable")
        write(broker, [b"\xff\xff", *encoded(past[3000:])])
        reply = awaits_second(client, past[-1].second)
        assert reply.prediction.score == now_by_hand(past, past[-1].close_bid_e9, past[-1].close_offer_e9)
        bad = count("tidewheel_dead_letters_total", service="predictor", source="ticks", reason="undecodable")
        assert bad in (before, before + 1)  # a jump may have passed it by
        # A new session has no history.
        write(broker, encoded(seconds(7, start=START + 20_000, session=2)))
        short = "needs 600 one-second prices of the present session of sim:BTC-USD, has 7"
        wanted = (grpc.StatusCode.FAILED_PRECONDITION, short)

        def refused() -> bool:
            try:
                client.now()
            except grpc.RpcError as failure:
                return (failure.code(), failure.details()) == wanted
            return False

        eventually(refused, "the new session is seen")


@contextmanager
def process(redis_url: str, folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """The predictor as its own process: it, its gRPC port and its log."""
    port, log = free_port(), folder / "predictor.log"
    own = {"REDIS": redis_url, "KAFKA": NO_KAFKA, "GRPC_PORT": str(port), "METRICS_PORT": "0", **more}
    env = {**os.environ, **{f"TIDEWHEEL_{name}": value for name, value in own.items()}}
    started = start([sys.executable, "-m", "services.predictor"], log, env)
    try:
        yield started, int(own["GRPC_PORT"]), log
    finally:
        kill_group(started)
        started.wait()


def test_sigterm_says_so_first_and_ends_with_no_call_broken(
    registry: Registry, empty_redis: str, tmp_path: Path
) -> None:
    registry.publish(*published(1))
    with process(empty_redis, tmp_path, DRAIN_WAIT_S="1") as (started, port, log):
        client = Client(port)
        eventually(lambda: client.served() == (1, 1), "window 1 is served")
        started.send_signal(signal.SIGTERM)
        # Balancers hear NOT_SERVING while calls are still answered.
        said = health_pb2.HealthCheckResponse.NOT_SERVING
        eventually(lambda: client.health(SERVICE) == client.health("") == said, "it says that it ends")
        client.predict(a_row(1))
        assert started.wait(LIMIT_S) == 0
        client.channel.close()
        assert "Traceback" not in log.read_text()


def test_a_port_in_use_is_one_clear_line(client: Client, empty_redis: str, tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = str(taken.getsockname()[1])
        with process(empty_redis, tmp_path, GRPC_PORT=port) as (started, _, log):
            assert started.wait(LIMIT_S) == 1
    lines = log.read_text().splitlines()
    assert f"the gRPC port {port} on 0.0.0.0 cannot be used" in lines[-1]
    assert not any("Traceback" in line for line in lines)


def test_bad_settings_are_said_all_at_once(empty_redis: str, tmp_path: Path) -> None:
    with process("http://:secret@somewhere", tmp_path, GRPC_THREADS="many") as (started, _, log):
        assert started.wait(LIMIT_S) == 2
    lines = log.read_text().splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["TIDEWHEEL_REDIS", "TIDEWHEEL_GRPC_THREADS"]
    assert "secret" not in log.read_text()
