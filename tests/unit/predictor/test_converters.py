"""Messages and values: what is meant, and what cannot be meant."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from services.predictor import converters
from services.predictor.converters import (
    NowRequest,
    ReplyEncoder,
    RowsRequest,
    parse_batch_request,
    parse_explain_request,
    parse_now_request,
    parse_predict_request,
)
from services.predictor.core import PredictionEngine, Quote
from services.predictor.market.history import MarketViews
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from services.predictor.trust.assessment import ModelTrust, ProcedureRecord, ProcedureRecords
from tests.synthetic_models import CARD, INSTRUMENT, RANGE, make_model, make_row, published
from tidewheel.domain.models import Evidence, ModelPointer, Scorer
from tidewheel.wire.v1.predictor_pb2 import (
    ExplainRequest,
    PredictBatchRequest,
    PredictBatchResponse,
    PredictNowRequest,
    PredictRequest,
    PredictResponse,
    TrustFlag,
)

ROW = make_row(1)
PACKED = ROW.tobytes()


def refused(convert: Callable[[bytes], object], payload: bytes) -> str:
    with pytest.raises(PredictionRefusedError) as caught:
        convert(payload)
    assert caught.value.reason is RefusalReason.INVALID_INPUT
    return str(caught.value)


@pytest.mark.parametrize("form", [{"features": ROW.tolist()}, {"features_f32": PACKED}])
def test_one_row_in_either_form(form: dict[str, object]) -> None:
    call = parse_predict_request(PredictRequest(instrument=INSTRUMENT, schema_hash=b"x", **form).SerializeToString())
    assert isinstance(call, RowsRequest)
    assert (call.instrument, call.schema_hash) == (INSTRUMENT, b"x")
    assert call.rows.dtype == np.float32
    assert call.rows.tolist() == ROW.tolist()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "features: give either features or features_f32, one of them"),
        ({"features": ROW.tolist(), "features_f32": PACKED}, "not both"),
        ({"features": ROW.tolist()[:-1]}, "features: 604 numbers, the model needs 605"),
        ({"features": [*ROW.tolist(), 0.0]}, "features: 606 numbers, the model needs 605"),
        ({"features_f32": PACKED[:-4]}, "features_f32: 2416 bytes, a row has 2420"),
        ({"features_f32": PACKED[:-1]}, "features_f32: 2419 bytes, a row has 2420"),
        ({"features_f32": 2 * PACKED}, "features_f32: 4840 bytes, one row has 2420"),
    ],
)
def test_what_is_no_row(form: dict[str, object], words: str) -> None:
    payload = PredictRequest(instrument=INSTRUMENT, **form).SerializeToString()
    assert words in refused(parse_predict_request, payload)


def test_a_batch() -> None:
    call = parse_batch_request(PredictBatchRequest(instrument=INSTRUMENT, features_f32=3 * PACKED).SerializeToString())
    assert call.rows.shape == (3, 605)
    assert call.rows[2].tolist() == ROW.tolist()


@pytest.mark.parametrize("packed", [b"", PACKED[:-4], PACKED + b"1234"])
def test_what_is_no_batch(packed: bytes) -> None:
    payload = PredictBatchRequest(instrument=INSTRUMENT, features_f32=packed).SerializeToString()
    assert f"features_f32: {len(packed)} bytes" in refused(parse_batch_request, payload)


@pytest.mark.parametrize(
    ("bid", "offer", "quote"),
    [(0, 0, None), (5, 6, Quote(5, 6)), (5, 0, Quote(5, 0)), (0, 6, Quote(0, 6)), (-1, 0, Quote(-1, 0))],
)
def test_now(bid: int, offer: int, quote: Quote | None) -> None:
    payload = PredictNowRequest(instrument=INSTRUMENT, bid_e9=bid, offer_e9=offer).SerializeToString()
    assert parse_now_request(payload) == NowRequest(INSTRUMENT, quote)


@pytest.mark.parametrize("convert", [parse_predict_request, parse_batch_request, parse_now_request])
@pytest.mark.parametrize("payload", [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe"])
def test_bytes_that_are_no_message(convert: Callable[[bytes], object], payload: bytes) -> None:
    assert refused(convert, payload).startswith("request: the bytes are no tidewheel.wire.v1.Predict")


@pytest.mark.parametrize(
    ("given", "rows", "quote"),
    [
        ({"features_f32": PACKED, "largest": 2}, ROW.tolist(), None),
        ({"features": ROW.tolist()}, ROW.tolist(), None),
        ({"bid_e9": 5, "offer_e9": 6}, None, Quote(5, 6)),
        ({}, None, None),
    ],
)
def test_what_is_to_be_explained(given: dict[str, object], rows: list[float] | None, quote: Quote | None) -> None:
    call = parse_explain_request(ExplainRequest(instrument=INSTRUMENT, **given).SerializeToString())
    assert (call.given.rows.tolist() if call.given else None) == rows
    assert (call.now.quote if call.now else None) == quote
    assert call.largest == given.get("largest", 0)


def serving(seq: int) -> ServingModel:
    model = make_model(seq)
    return ServingModel.of(ModelPointer(INSTRUMENT, seq, 1, f"sha {seq}", "", Evidence.WEAK, 1, seq, 2), model)


def test_a_reply_is_one_message_and_follows_model_and_record() -> None:
    slots, records, replies = ModelSlots(), ProcedureRecords(), ReplyEncoder()
    engine = PredictionEngine(slots, MarketViews(), records)
    slots.put(serving(1))

    def reply(row: np.ndarray) -> PredictResponse:
        return PredictResponse.FromString(replies.predict(engine.predict(INSTRUMENT, row)))

    first = reply(ROW)
    assert (first.score, first.threshold, first.evidence) == (Scorer.of(make_model(1)).score(ROW), 0.5, "weak")
    assert (first.model.seq, first.model.sha256, first.trust.learnt_until_ns) == (1, "sha 1", 2)
    assert (first.trust.novelty, first.trust.HasField("precision"), len(first.trust.flags)) == (0.0, False, 0)
    records.put(INSTRUMENT, ProcedureRecord.of([replace(published(1)[1], scorecard=CARD, drift_seq=1)]))
    second = reply(np.full(605, 2 * RANGE, dtype="<f4"))
    assert (second.trust.precision, second.trust.base_rate, second.trust.models_judged) == (0.6, 0.4, 1)
    # Flags of the model and of the row, both in one list.
    assert [flag.kind for flag in second.trust.flags] == [TrustFlag.KIND_DRIFT, TrustFlag.KIND_NOVEL_INPUT]
    slots.put(serving(2))
    assert (reply(ROW).model.seq, len(reply(ROW).trust.flags)) == (2, 0)
    rows = np.array([ROW, ROW])
    batch = PredictBatchResponse.FromString(replies.batch(engine.predict_batch(INSTRUMENT, rows)))
    assert (len(batch.scores), len(batch.labels), batch.model.seq, batch.trust.precision) == (2, 2, 2, 0.6)


def test_versions_asked_for_in_turn_have_their_constant_parts_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slots, replies, older, rows = ModelSlots(), ReplyEncoder(), serving(1), np.array([ROW])
    slots.put(serving(2))
    engine = PredictionEngine(slots, MarketViews())
    encoded: list[int] = []
    encode = converters.constant_trust
    monkeypatch.setattr(converters, "constant_trust", lambda value: encoded.append(value.model.seq) or encode(value))
    made: list[ModelTrust] = []
    for _ in range(3):
        for batch in (engine.predict_batch(INSTRUMENT, rows), engine.score_batch(older, rows)):
            assert PredictBatchResponse.FromString(replies.batch(batch)).model.seq == batch.model.seq
            made.append(batch.trust.of_model)
    assert encoded == [2, 1]
    assert all(trust is made[at % 2] for at, trust in enumerate(made))
