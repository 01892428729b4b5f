"""The predictor over a real gRPC channel, with a real Redis."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random

import grpc
import numpy as np
import pytest
import redis
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.predictor.servicer import SERVICE
from tests.model_swaps import swap_under_load
from tests.predictors import Client, metric_value, running, swap_failures
from tests.servers import server_port
from tests.synthetic_models import INSTRUMENT, make_model, make_record, make_row, published, put
from tests.waiting import LIMIT_S, eventually
from tidewheel.contracts.codecs.models import encode_model, encode_model_record
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.models import Model, Scorer, Verdict
from tidewheel.local.servers.redis import start_redis
from tidewheel.registry import keys
from tidewheel.registry.store import Publication, Registry, VerificationFailure
from tidewheel.wire.v1 import predictor_pb2 as wire

pytestmark = pytest.mark.redis_server


def test_ready_with_the_first_model(registry: Registry, empty_redis: str) -> None:
    with running(empty_redis) as made:
        client = made.client
        serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        assert client.health("") == serving
        assert client.health(SERVICE) == not_serving
        assert made.health.readiness() == (False, "no verified model yet")
        unknown = grpc.StatusCode.NOT_FOUND
        eventually(lambda: client.refusal(lambda: client.predict(make_row(1)))[0] is unknown, "the registry is read")
        registry.publish(*published(1))
        eventually(lambda: client.health(SERVICE) == serving, "the service is healthy")
        assert made.health.readiness()[0]
        reply = client.predict(make_row(3))
        record = registry.record_of(INSTRUMENT, 1)
        assert record is not None
        assert (reply.model.seq, reply.model.epoch, reply.model.sha256) == (1, 1, record.sha256)
        assert reply.score == Scorer.of(make_model(1)).score(make_row(3))
        assert (reply.label, reply.threshold, reply.evidence) == (reply.score >= 0.5, 0.5, "none")


def test_a_refused_first_window_is_something_to_wait_for(registry: Registry, empty_redis: str) -> None:
    put(registry, replace(published(1)[1], sha256=""))
    with running(empty_redis) as made:
        wanted = grpc.StatusCode.FAILED_PRECONDITION
        client = made.client
        eventually(lambda: client.refusal(lambda: client.predict(make_row(1)))[0] is wanted, "the registry is read")
        assert "wait until a window" in client.refusal(lambda: client.predict(make_row(1)))[1]


def test_a_batch_is_scored_by_one_model(client: Client) -> None:
    rows = np.array([make_row(seed) for seed in range(1500)])
    request = wire.PredictBatchRequest(instrument=INSTRUMENT, features_f32=rows.tobytes(), schema_hash=SCHEMA_HASH)
    reply = client.stub.PredictBatch(request, timeout=LIMIT_S)
    assert list(reply.scores) == Scorer.of(make_model(1)).scores(rows).tolist()
    assert list(reply.labels) == [score >= 0.5 for score in reply.scores]
    assert reply.model.seq == 1


def test_faults_of_the_caller_are_never_internal(client: Client) -> None:
    def raw(method: str, payload: bytes) -> Callable[[], object]:
        call = client.channel.unary_unary(f"/{SERVICE}/{method}")
        return lambda: call(payload, timeout=LIMIT_S)

    def predict(**fields: object) -> Callable[[], object]:
        return raw("Predict", wire.PredictRequest(**{"instrument": INSTRUMENT, **fields}).SerializeToString())

    row, invalid = make_row(1), grpc.StatusCode.INVALID_ARGUMENT
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
    answer = next(iter(stub.ServerReflectionInfo(iter([request]), timeout=LIMIT_S)))
    names = {service.name for service in answer.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names


def test_swaps_under_load_fail_no_call(client: Client, registry: Registry) -> None:
    made = swap_under_load(client, registry, 60, Random(1))
    assert made.faults == []
    assert made.published > 30
    assert made.rolled_back > 5


def foist(url: str, model: Model | bytes, stored: Callable[[bytes], bytes | None]) -> None:
    """Point at a model as a publisher without scruples would: any bytes, with their own checksum everywhere."""
    payload = model if isinstance(model, bytes) else encode_model(model)
    record, lies = make_record(payload, 2), stored(payload)
    with redis.Redis.from_url(url) as raw, raw.pipeline(transaction=True) as all_at_once:
        if lies is not None:
            all_at_once.set(keys.model(INSTRUMENT, 2), lies)
        all_at_once.set(keys.record(INSTRUMENT, 2), encode_model_record(record))
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
    ("reason", "model", "stored"),
    [
        (
            VerificationFailure.CHECKSUM,
            make_model(2),
            lambda payload: payload[:5000] + bytes([payload[5000] ^ 1]) + payload[5001:],
        ),
        (VerificationFailure.MISSING, make_model(2), lambda _: None),
        (VerificationFailure.UNDECODABLE, b"\xff\xff\xff", as_it_is),
        (VerificationFailure.IDENTITY, make_model(2, "sim:ETH-USD"), as_it_is),
        (VerificationFailure.SCHEMA, replace(make_model(2), schema_hash=bytes(32)), as_it_is),
        (VerificationFailure.NOT_FINITE, with_nan(make_model(2)), as_it_is),
        (VerificationFailure.GOLDEN, replace(make_model(2), golden_score=0.123), as_it_is),
    ],
)
def test_what_does_not_verify_is_not_taken(
    client: Client,
    registry: Registry,
    empty_redis: str,
    reason: VerificationFailure,
    model: Model | bytes,
    stored: Callable[[bytes], bytes | None],
) -> None:
    before = swap_failures(reason)
    foist(empty_redis, model, stored)
    eventually(lambda: swap_failures(reason) > before, f"{reason} is counted")
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


def test_a_promotion_by_hand_is_followed(client: Client, registry: Registry) -> None:
    payload, record = published(2)
    registry.publish_candidate(payload, replace(record, verdict=Verdict.REFUSED, reason="not_proven"))
    registry.promote(INSTRUMENT, 2)
    eventually(lambda: client.served() == (2, 2), "the promoted candidate is served")


def test_signed_models_only(registry: Registry, empty_redis: str) -> None:
    signing = Registry.connect(empty_redis, b"secret")
    signing.publish(*published(1))
    with running(empty_redis, hmac_key="secret") as made:
        eventually(lambda: made.client.served() == (1, 1), "the signed model is served")
        before = swap_failures(VerificationFailure.POINTER_HMAC)
        registry.publish(*published(2))
        eventually(lambda: swap_failures(VerificationFailure.POINTER_HMAC) > before, "the unsigned pointer is counted")
        assert made.client.served() == (1, 1)
    signing.close()


def test_redis_killed_and_restarted(tmp_path: Path) -> None:
    def up() -> float:
        return metric_value("tidewheel_registry_up", service="predictor")

    server = start_redis(tmp_path, server_port())
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
        assert made.health.readiness()[0]
        assert made.client.health(SERVICE) == health_pb2.HealthCheckResponse.SERVING
        server = start_redis(tmp_path, server.port)
        stack.callback(server.stop)
        eventually(lambda: up() == 1, "Redis is seen again")
        registry.publish(*published(2))
        eventually(lambda: made.client.served() == (1, 2), "the next window is served")
