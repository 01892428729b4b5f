"""No caller can take the predictor from the others: whatever is held, predictions and health are answered."""

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.predictor.open_inference.service import SERVICE as OPEN_INFERENCE
from services.predictor.servicer import SERVICE
from tests.hostile_callers import EMPTY_SETTINGS, PREFACE, held_calls, sockets, unread_calls
from tests.predictors import Client, metric_value, process, running
from tests.predictors_under_load import drained_under_load
from tests.synthetic_models import INSTRUMENT, make_row, published
from tests.waiting import LIMIT_S, eventually
from tidewheel.local.processes.subprocesses import free_port
from tidewheel.registry.store import Registry
from tidewheel.wire.v1 import predictor_pb2 as wire

pytestmark = pytest.mark.redis_server

SERVING = health_pb2.HealthCheckResponse.SERVING
HEALTH = "/grpc.health.v1.Health"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
HELD = 100


@pytest.fixture
def patient(registry: Registry, empty_redis: str) -> Iterator[Client]:
    """Of a predictor that ends no call for its length within a test: only call slots help."""
    registry.publish(*published(1))
    with running(empty_redis, grpc_message_wait_s=LIMIT_S) as made:
        eventually(lambda: made.client.served() == (1, 1), "the model is served")
        yield made.client


def port_of(client: Client) -> int:
    return int(client.address.rpartition(":")[2])


def assert_answers(client: Client) -> None:
    assert client.predict(make_row(1)).model.seq == 1
    assert client.health("") == client.health(SERVICE) == SERVING


@pytest.mark.parametrize(
    "method",
    [f"/{SERVICE}/Predict", f"/{OPEN_INFERENCE}/ModelInfer", REFLECTION, f"{HEALTH}/Check", f"{HEALTH}/Watch"],
)
def test_calls_without_a_message_hold_nobody_up(patient: Client, method: str) -> None:
    def ended() -> float:
        return sum(
            metric_value("tidewheel_rpcs_ended_total", waiting_for=waiting_for, reason="evicted")
            for waiting_for in ("message", "reflection")
        )

    before = ended()
    with held_calls(port_of(patient), method, HELD) as calls:
        eventually(lambda: ended() - before > HELD / 2, "most were ended to let others in")
        assert_answers(patient)
        assert not all(call.done() for call in calls), "nobody was ended without need"


def watches(port: int) -> bytes:
    return unread_calls(f"{HEALTH}/Watch", b"", HELD)


def predictions(port: int) -> bytes:
    row = wire.PredictRequest(instrument=INSTRUMENT, features_f32=make_row(1).tobytes())
    return unread_calls(f"/{SERVICE}/Predict", row.SerializeToString(), HELD)


@pytest.mark.parametrize("said", [watches, predictions])
def test_answers_that_are_not_read_hold_nobody_up(patient: Client, said: Any) -> None:
    port = port_of(patient)
    with sockets(port, 4, said(port)):
        for _ in range(20):
            assert_answers(patient)


@pytest.mark.parametrize("said", [b"", PREFACE[:10], PREFACE, PREFACE + EMPTY_SETTINGS[:5], b"GET / HTTP/1.1\r\n"])
def test_connections_that_say_half_of_it_hold_nobody_up(patient: Client, said: bytes) -> None:
    with sockets(port_of(patient), HELD, said):
        assert_answers(patient)


def test_a_watch_hears_every_change(registry: Registry, empty_redis: str) -> None:
    with running(empty_redis) as made:
        stub = health_pb2_grpc.HealthStub(made.client.channel)
        request = health_pb2.HealthCheckRequest(service=SERVICE)
        heard = stub.Watch(request, timeout=LIMIT_S, wait_for_ready=True)
        assert next(heard).status == health_pb2.HealthCheckResponse.NOT_SERVING
        registry.publish(*published(1))
        assert next(heard).status == SERVING
        names = stub.List(health_pb2.HealthListRequest(), timeout=LIMIT_S).statuses
        assert set(names) == {"", SERVICE, OPEN_INFERENCE}
        unknown = stub.Watch(health_pb2.HealthCheckRequest(service="x"), timeout=LIMIT_S)
        assert next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        assert made.client.refusal(lambda: made.client.health("x"))[0] is grpc.StatusCode.NOT_FOUND


def test_health_has_a_port_of_its_own(registry: Registry, empty_redis: str) -> None:
    port = free_port()
    with running(empty_redis, grpc_health_port=port, grpc_token="secret"):
        probe = Client(port)
        assert probe.health("") == SERVING
        assert probe.refusal(lambda: probe.stub.Predict(wire.PredictRequest()))[0] is grpc.StatusCode.UNIMPLEMENTED
        probe.channel.close()


def test_the_token_is_asked_for(registry: Registry, empty_redis: str) -> None:
    registry.publish(*published(1))
    with running(empty_redis, grpc_token="secret") as made:
        client = made.client
        eventually(lambda: client.health(SERVICE) == SERVING, "a probe needs no token")
        assert client.refusal(lambda: client.predict(make_row(1)))[0] is grpc.StatusCode.UNAUTHENTICATED
        request = wire.PredictRequest(instrument=INSTRUMENT, features_f32=make_row(1).tobytes())
        metadata = (("authorization", "Bearer secret"),)
        assert client.stub.Predict(request, metadata=metadata, timeout=LIMIT_S).model.seq == 1


def test_a_refusal_names_field_and_index_and_is_never_too_large(client: Client) -> None:
    rows = make_row(1).copy()
    rows[7] = float("nan")
    batch = make_row(2).tobytes() + rows.tobytes()
    with pytest.raises(grpc.RpcError) as caught:
        client.stub.PredictBatch(wire.PredictBatchRequest(instrument=INSTRUMENT, features_f32=batch))
    packed = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    violations = BadRequest()
    assert any(detail.Unpack(violations) for detail in Status.FromString(packed).details)
    assert violations.field_violations[0].field == "features[1][7]"
    row = make_row(1).tobytes()
    for request in (
        wire.PredictRequest(instrument="sim:" + "\u00fc" * 20_000, features_f32=row),
        wire.PredictRequest(instrument=INSTRUMENT, features_f32=row, schema_hash=bytes(8_000)),
    ):
        code, words = client.refusal(lambda request=request: client.stub.Predict(request))
        assert (code, len(words) <= 400) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def test_the_bound_on_calls_is_kept_and_health_is_no_part_of_it(registry: Registry, empty_redis: str) -> None:
    registry.publish(*published(1))
    with running(empty_redis, grpc_calls_max=4, grpc_threads=16, grpc_message_wait_s=LIMIT_S) as made:
        client = made.client
        eventually(lambda: client.served() == (1, 1), "the model is served")
        with held_calls(port_of(client), f"/{SERVICE}/Predict", 4):
            eventually(lambda: metric_value("tidewheel_rpcs_in_progress") == 4, "all places are taken")
            assert client.refusal(lambda: client.predict(make_row(1)))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert client.health(SERVICE) == SERVING
        eventually(lambda: client.served() == (1, 1), "places are given back")


def test_a_caller_who_takes_too_long_is_ended(registry: Registry, empty_redis: str) -> None:
    with running(empty_redis, grpc_message_wait_s=0.1) as made:
        client = made.client
        eventually(lambda: client.health("") == SERVING, "it answers")
        with held_calls(port_of(client), f"/{SERVICE}/Predict", 1, connections=1) as (call,):
            eventually(call.done, "the call is ended")
            assert call.code() is grpc.StatusCode.CANCELLED


@pytest.mark.parametrize("number", range(3))
def test_a_drain_under_load_cancels_no_call(registry: Registry, empty_redis: str, tmp_path: Path, number: int) -> None:
    registry.publish(*published(1))
    with process(empty_redis, tmp_path, DRAIN_WAIT_S="0.2") as (started, port, _):
        client = Client(port)
        eventually(lambda: client.served() == (1, 1), "the model is served")
        codes = drained_under_load(started, port)
        client.channel.close()
    # Once it is gone nobody answers, which a client may try again.
    assert codes[grpc.StatusCode.OK] > 0
    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}


def test_two_predictors_share_a_port_where_told(registry: Registry, empty_redis: str, tmp_path: Path) -> None:
    def one(name: str, port: str) -> AbstractContextManager[Any]:
        folder = tmp_path / name
        folder.mkdir()
        return process(empty_redis, folder, GRPC_PORT_SHARED="true", GRPC_PORT=port)

    registry.publish(*published(1))
    port = str(free_port())
    with one("first", port) as (first, _, log), one("second", port) as (second, _, other_log):
        for said in (log, other_log):
            eventually(lambda said=said: "serving model 1" in said.read_text(), "both serve")
        first.send_signal(signal.SIGTERM)
        assert first.wait(LIMIT_S) == 0
        client = Client(int(port))
        eventually(lambda: client.served() == (1, 1), "the other one answers")
        client.channel.close()
        assert second.poll() is None


def test_a_burst_of_honest_calls_is_answered_whole(client: Client) -> None:
    request = wire.PredictRequest(instrument=INSTRUMENT, features_f32=make_row(1).tobytes())
    calls = [client.stub.Predict.future(request, timeout=LIMIT_S) for _ in range(190)]
    assert {call.result().model.seq for call in calls} == {1}
