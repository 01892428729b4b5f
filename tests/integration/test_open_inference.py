"""The open inference protocol as any client of it sees it: by the public names and numbers, over a real channel."""

from collections.abc import Callable

import grpc
import numpy as np
import pytest
import redis
from grpc_reflection.v1alpha import reflection_pb2

from tests.predictors import Client, metric_value
from tests.synthetic_models import INSTRUMENT, make_model, make_row, published
from tests.waiting import LIMIT_S, eventually
from tidewheel.domain.features import FEATURE_COUNT, SCHEMA_HASH
from tidewheel.domain.models import Scorer
from tidewheel.registry import keys
from tidewheel.registry.store import Registry
from tidewheel.wire.open_inference import open_inference_pb2 as oip
from tidewheel.wire.open_inference.open_inference_pb2_grpc import GRPCInferenceServiceStub

pytestmark = pytest.mark.redis_server
ROWS = np.array([make_row(seed) for seed in (1, 2, 3)])


@pytest.fixture
def stub(client: Client) -> GRPCInferenceServiceStub:
    return GRPCInferenceServiceStub(client.channel)


def infer_request(rows: np.ndarray = ROWS, raw: bool = True, **fields: object) -> oip.ModelInferRequest:
    request = oip.ModelInferRequest(**{"model_name": INSTRUMENT, "id": "mine", **fields})
    tensor = request.inputs.add(name="features", datatype="FP32", shape=rows.shape)
    if raw:
        request.raw_input_contents.append(rows.tobytes())
    else:
        tensor.contents.fp32_contents.extend(rows.ravel().tolist())
    return request


def code_of(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


def test_live_ready_and_what_it_is(stub: GRPCInferenceServiceStub) -> None:
    assert stub.ServerLive(oip.ServerLiveRequest(), timeout=LIMIT_S).live
    assert stub.ServerReady(oip.ServerReadyRequest(), timeout=LIMIT_S).ready
    assert stub.ModelReady(oip.ModelReadyRequest(name=INSTRUMENT), timeout=LIMIT_S).ready
    assert stub.ModelReady(oip.ModelReadyRequest(name=INSTRUMENT, version="1"), timeout=LIMIT_S).ready
    assert not stub.ModelReady(oip.ModelReadyRequest(name=INSTRUMENT, version="7"), timeout=LIMIT_S).ready
    assert not stub.ModelReady(oip.ModelReadyRequest(name="sim:ETH-USD"), timeout=LIMIT_S).ready
    server = stub.ServerMetadata(oip.ServerMetadataRequest(), timeout=LIMIT_S)
    assert (server.name, "model_repository" in server.extensions) == ("tidewheel", True)
    model = stub.ModelMetadata(oip.ModelMetadataRequest(name=INSTRUMENT), timeout=LIMIT_S)
    assert (model.name, list(model.versions)) == (INSTRUMENT, ["1"])
    assert [(one.name, one.datatype, list(one.shape)) for one in model.inputs] == [
        ("features", "FP32", [-1, FEATURE_COUNT])
    ]
    assert [(one.name, one.datatype, list(one.shape)) for one in model.outputs] == [
        ("score", "FP64", [-1]),
        ("label", "UINT32", [-1]),
    ]
    assert model.properties["schema_hash"] == SCHEMA_HASH.hex()


def test_raw_in_raw_out(stub: GRPCInferenceServiceStub) -> None:
    reply = stub.ModelInfer(infer_request(), timeout=LIMIT_S)
    assert (reply.model_name, reply.model_version, reply.id) == (INSTRUMENT, "1", "mine")
    assert [(one.name, one.datatype, list(one.shape)) for one in reply.outputs] == [
        ("score", "FP64", [3]),
        ("label", "UINT32", [3]),
    ]
    scores = np.frombuffer(reply.raw_output_contents[0], dtype="<f8")
    assert scores.tolist() == Scorer.of(make_model(1)).scores(ROWS).tolist()
    assert np.frombuffer(reply.raw_output_contents[1], dtype="<u4").tolist() == (scores >= 0.5).tolist()
    assert not any(one.HasField("contents") for one in reply.outputs)
    assert reply.parameters["threshold"].double_param == 0.5
    assert reply.parameters["evidence"].string_param == "none"


def test_typed_in_typed_out_and_only_what_was_asked(stub: GRPCInferenceServiceStub) -> None:
    request = infer_request(raw=False)
    request.outputs.add(name="score")
    reply = stub.ModelInfer(request, timeout=LIMIT_S)
    assert [one.name for one in reply.outputs] == ["score"]
    assert list(reply.outputs[0].contents.fp64_contents) == Scorer.of(make_model(1)).scores(ROWS).tolist()
    assert not reply.raw_output_contents


def test_a_version_that_is_kept_answers_and_no_other(
    stub: GRPCInferenceServiceStub, client: Client, registry: Registry, empty_redis: str
) -> None:
    for seq in (2, 3):
        registry.publish(*published(seq))
    eventually(lambda: client.served() == (1, 3), "window 3 is served")

    def served(version: str) -> tuple[str, float]:
        reply = stub.ModelInfer(infer_request(ROWS[:1], model_version=version), timeout=LIMIT_S)
        return reply.model_version, float(np.frombuffer(reply.raw_output_contents[0])[0])

    for seq in (1, 2, 3):
        assert served(str(seq)) == (str(seq), Scorer.of(make_model(seq)).score(ROWS[0]))
    assert served("")[0] == "3"
    code, words = code_of(lambda: served("9"))
    assert (code, "no model 9" in words) == (grpc.StatusCode.NOT_FOUND, True)
    names = stub.ModelMetadata(oip.ModelMetadataRequest(name=INSTRUMENT), timeout=LIMIT_S).versions
    assert list(names) == ["1", "2", "3"]
    with redis.Redis.from_url(empty_redis) as raw:
        raw.delete(keys.model(INSTRUMENT, 1))
    assert served("1")[0] == "1", "what verified once is held"


def test_versions_that_callers_choose_are_counted_as_one(
    stub: GRPCInferenceServiceStub, client: Client, registry: Registry
) -> None:
    for seq in (2, 3, 4):
        registry.publish(*published(seq))
    eventually(lambda: client.served() == (1, 4), "window 4 is served")
    # A scrape sees no version for ever that a caller asked for.
    before = answers("older"), answers("serving"), rows_of("1"), rows_of("4"), rows_of("older")
    for version in ("1", "2", "3", "4", ""):
        stub.ModelInfer(infer_request(model_version=version), timeout=LIMIT_S)
    after = answers("older"), answers("serving"), rows_of("1"), rows_of("4"), rows_of("older")
    assert [now - was for now, was in zip(after, before, strict=True)] == [3, 2, 0, 2 * len(ROWS), 3 * len(ROWS)]


def answers(model: str) -> float:
    return metric_value("tidewheel_answers_total", method="ModelInfer", model=model)


def rows_of(version: str) -> float:
    name, of = "tidewheel_predictions_total", {"instrument": INSTRUMENT, "model_version": version}
    return sum(metric_value(name, **of, label=label) for label in ("0", "1"))


def test_the_repository_is_listed(stub: GRPCInferenceServiceStub, registry: Registry) -> None:
    listed = stub.RepositoryIndex(oip.RepositoryIndexRequest(), timeout=LIMIT_S).models
    assert [(one.name, one.version, one.state) for one in listed] == [(INSTRUMENT, "1", "READY")]


def changed(change: Callable[[oip.ModelInferRequest], object], raw: bool = True) -> oip.ModelInferRequest:
    request = infer_request(raw=raw)
    change(request)
    return request


INVALID = grpc.StatusCode.INVALID_ARGUMENT
FAULTS: list[tuple[oip.ModelInferRequest, grpc.StatusCode, str]] = [
    (infer_request(model_name="sim:ETH-USD"), grpc.StatusCode.NOT_FOUND, "nothing is known"),
    (infer_request(model_name="btc"), INVALID, "instrument"),
    (infer_request(model_version="latest"), INVALID, "model_version"),
    (infer_request(model_version="9" * 40), INVALID, "model_version"),
    (infer_request(ROWS[:, :600]), INVALID, "inputs[0].shape"),
    (infer_request(ROWS[0]), INVALID, "inputs[0].shape"),
    (infer_request(ROWS[:0]), INVALID, "inputs[0].shape"),
    (changed(lambda r: r.inputs[0].shape.__setitem__(0, 2**62)), INVALID, "raw_input_contents[0]"),
    (changed(lambda r: r.inputs[0].shape.__setitem__(0, -1)), INVALID, "inputs[0].shape"),
    (changed(lambda r: r.inputs[0].shape.__setitem__(0, 2)), INVALID, "raw_input_contents[0]"),
    (changed(lambda r: r.inputs[0].shape.__setitem__(0, 2), raw=False), INVALID, "fp32_contents"),
    (changed(lambda r: setattr(r.inputs[0], "datatype", "FP64")), INVALID, "inputs[0].datatype"),
    (changed(lambda r: setattr(r.inputs[0], "name", "x")), INVALID, "inputs"),
    (changed(lambda r: r.inputs.add(name="features")), INVALID, "inputs"),
    (changed(lambda r: r.inputs.pop()), INVALID, "given: none"),
    (changed(lambda r: r.raw_input_contents.append(b"")), INVALID, "raw_input_contents"),
    (changed(lambda r: r.inputs[0].contents.fp32_contents.append(1)), INVALID, "inputs[0].contents"),
    (changed(lambda r: r.inputs[0].contents.int_contents.append(1), raw=False), INVALID, "int_contents"),
    (changed(lambda r: r.outputs.add(name="loss")), INVALID, "outputs[0]"),
    (changed(lambda r: [r.outputs.add(name="score") for _ in "ab"]), INVALID, "outputs[1]"),
    (infer_request(np.full_like(ROWS, np.inf)), INVALID, "is not finite"),
]


def test_faults_of_the_caller_are_said_as_the_protocol_says(stub: GRPCInferenceServiceStub) -> None:
    for request, code, words in FAULTS:
        found = code_of(lambda request=request: stub.ModelInfer(request, timeout=LIMIT_S))
        assert (found[0], words in found[1]) == (code, True), found
    missing = oip.ModelMetadataRequest(name="sim:ETH-USD")
    assert code_of(lambda: stub.ModelMetadata(missing, timeout=LIMIT_S))[0] is grpc.StatusCode.NOT_FOUND


def test_reflection_shows_the_protocol_under_both_of_its_names(client: Client) -> None:
    for name in ("v1", "v1alpha"):
        call = client.channel.stream_stream(
            f"/grpc.reflection.{name}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        requests = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="inference.GRPCInferenceService"),
        ]
        listed, file = call(iter(requests), timeout=LIMIT_S)
        assert "inference.GRPCInferenceService" in {one.name for one in listed.list_services_response.service}
        assert file.file_descriptor_response.file_descriptor_proto
