"""Messages and values: what is meant, and what cannot be meant."""

from collections.abc import Callable

import numpy as np
import pytest

from services.predictor.converters import (
    NowRequest,
    RowsRequest,
    parse_batch_request,
    parse_now_request,
    parse_predict_request,
)
from services.predictor.core import Quote
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from tests.synthetic_models import INSTRUMENT, make_row
from tidewheel.wire.v1.predictor_pb2 import PredictBatchRequest, PredictNowRequest, PredictRequest

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
