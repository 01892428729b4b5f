"""What is read and written without a message between is what protobuf reads and writes."""

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from services.predictor.converters import parse_batch_request, parse_predict_request
from services.predictor.models.model_slot import ServingModel
from services.predictor.refusals import PredictionRefusedError
from services.predictor.trust.assessment import ModelTrust, ProcedureRecord, Trust
from services.predictor.usual_replies import packed_labels, packed_scores, usual_reply
from services.predictor.usual_requests import FEATURES_OF_MANY, FEATURES_OF_ONE, parse_usual, parse_usual_row
from tests.synthetic_models import INSTRUMENT, make_model, make_row
from tidewheel.domain.features import FEATURES_BYTES
from tidewheel.domain.models import Evidence, ModelPointer
from tidewheel.wire.v1.predictor_pb2 import PredictBatchRequest, PredictBatchResponse, PredictRequest, PredictResponse

ROW = make_row(1).tobytes()
Request = type[PredictRequest] | type[PredictBatchRequest]


@pytest.mark.parametrize(
    ("message", "tag"), [(PredictRequest, FEATURES_OF_ONE), (PredictBatchRequest, FEATURES_OF_MANY)]
)
@given(
    instrument=st.text(max_size=140),
    features=st.binary(max_size=300),
    hash_given=st.binary(max_size=2),
    cut=st.integers(0, 400),
    change=st.tuples(st.integers(0, 400), st.integers(0, 255)),
)
@example(instrument=INSTRUMENT, features=ROW, hash_given=b"", cut=0, change=(0, 0x0A))
def test_what_is_read_is_what_protobuf_reads(
    message: Request, tag: int, instrument: str, features: bytes, hash_given: bytes, cut: int, change: tuple[int, int]
) -> None:
    whole = message(instrument=instrument, features_f32=features, schema_hash=hash_given).SerializeToString()
    payload = bytearray(whole[: len(whole) - cut] if cut < len(whole) else whole)
    if payload:
        payload[change[0] % len(payload)] = change[1]
    usual = parse_usual(bytes(payload), tag)
    if usual is not None:
        read = message.FromString(bytes(payload))
        assert (read.instrument, read.features_f32) == (usual[0], bytes(payload[usual[1] :]))
        assert read == message(instrument=read.instrument, features_f32=read.features_f32), "nothing else was said"


def test_the_usual_way_is_the_way_of_protobuf() -> None:
    one = PredictRequest(instrument=INSTRUMENT, features_f32=ROW).SerializeToString()
    assert parse_usual_row(one) == (INSTRUMENT, ROW)
    many = PredictBatchRequest(instrument=INSTRUMENT, features_f32=1_000 * ROW).SerializeToString()
    usual = parse_usual(many, FEATURES_OF_MANY)
    assert usual is not None
    assert (usual[0], many[usual[1] :]) == (INSTRUMENT, 1_000 * ROW)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        ROW,
        ROW[:-1],
        PredictRequest(instrument=INSTRUMENT, features_f32=ROW, schema_hash=b"x").SerializeToString(),
        PredictRequest(instrument=INSTRUMENT, features_f32=2 * ROW).SerializeToString(),
        PredictRequest(instrument=200 * "i", features_f32=ROW).SerializeToString(),
        b"\x0a\x02\xff\xff\x1a\xf4\x12" + ROW,  # no UTF-8
        bytes(2 * 2**20),
    ],
)
def test_what_is_another_way_is_left_to_protobuf(payload: bytes) -> None:
    assert parse_usual_row(payload) is None


@pytest.mark.parametrize("count", [0, 1, 604 * 4, FEATURES_BYTES + 4])
def test_features_of_another_length_are_refused_as_ever(count: int) -> None:
    for message, parse in ((PredictRequest, parse_predict_request), (PredictBatchRequest, parse_batch_request)):
        payload = message(instrument=INSTRUMENT, features_f32=bytes(count)).SerializeToString()
        with pytest.raises(PredictionRefusedError):
            parse(payload)


@given(payload=st.binary(max_size=30))
def test_no_bytes_are_read_that_protobuf_refuses(payload: bytes) -> None:
    if parse_usual(payload, FEATURES_OF_MANY) is not None:
        try:
            PredictBatchRequest.FromString(payload)
        except DecodeError:
            pytest.fail("protobuf refuses it")


MODEL = make_model(1)
OF_MODEL = ModelTrust.of(
    ServingModel.of(ModelPointer(INSTRUMENT, 1, 1, "sha", "", Evidence.WEAK, 1, 1, 2), MODEL), ProcedureRecord()
)
AGES = st.none() | st.integers(-(2**62), 2**62)
SHARES = st.floats(0, 1)


@given(SHARES, st.integers(0, 1), AGES, AGES, st.none() | SHARES)
def test_a_reply_says_what_protobuf_would_make_it_say(
    score: float, label: int, model_age_ns: int | None, features_age_ns: int | None, novelty: float | None
) -> None:
    read = PredictResponse.FromString(
        usual_reply(score, label, Trust(OF_MODEL, model_age_ns, features_age_ns, novelty, ()))
    )
    made = PredictResponse(score=score, label=label)
    made.trust.SetInParent()
    for field, value in (("model_age_s", model_age_ns), ("features_age_s", features_age_ns)):
        if value is not None:
            setattr(made.trust, field, value / 10**9)
    if novelty is not None:
        made.trust.novelty = novelty
    assert read == made


@given(st.lists(st.tuples(SHARES, st.integers(0, 1)), max_size=300))
def test_columns_of_a_batch_say_what_protobuf_would_make_them_say(rows: list[tuple[float, int]]) -> None:
    scores, labels = [score for score, _ in rows], [label for _, label in rows]
    said = packed_scores(np.array(scores, dtype=np.float64)) + packed_labels(np.array(labels, dtype=np.uint32))
    assert PredictBatchResponse.FromString(said) == PredictBatchResponse(scores=scores, labels=labels)
