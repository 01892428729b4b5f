"""Messages <-> values, and nothing else. Raises PredictionRefusedError where the message cannot mean a value."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from google.protobuf.message import DecodeError, Message

from services.predictor.core import Explained, Prediction, PredictionNow, Predictions, Quote, Rows
from services.predictor.models.model_slot import ServingModel
from services.predictor.models.version_cache import VersionCache
from services.predictor.refusals import invalid_input
from services.predictor.trust.assessment import Flag, ModelTrust, Trust
from services.predictor.usual_replies import packed_labels, packed_scores, usual_reply
from services.predictor.usual_requests import FEATURES_OF_MANY, parse_usual, parse_usual_row
from tidewheel.contracts.codecs.models import SCORECARD
from tidewheel.domain.features import FEATURE_COUNT, FEATURES_BYTES
from tidewheel.domain.time import NS_PER_S
from tidewheel.wire.v1 import predictor_pb2

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, eq=False)
class RowsRequest:
    """Predict (`rows` has shape (605,)) or PredictBatch (shape (n, 605))."""

    instrument: str
    rows: Rows
    schema_hash: bytes


@dataclass(frozen=True, slots=True)
class NowRequest:
    """PredictNow; `quote` None means the market's own."""

    instrument: str
    quote: Quote | None


@dataclass(frozen=True, slots=True, eq=False)
class ExplainRequest:
    """Explain, of one row or of an order bought now. `largest`: contributions told apart; 0: all."""

    given: RowsRequest | None
    now: NowRequest | None
    largest: int


def parse_predict_request(payload: bytes) -> RowsRequest:
    usual = parse_usual_row(payload)
    if usual is not None:
        return RowsRequest(usual[0], np.frombuffer(usual[1], dtype="<f4"), b"")
    return _parsed_row(_parse(predictor_pb2.PredictRequest, payload))


def _parsed_row(message: predictor_pb2.PredictRequest | predictor_pb2.ExplainRequest) -> RowsRequest:
    given, packed = len(message.features), message.features_f32
    if bool(given) == bool(packed):
        raise invalid_input(
            "features", f"give either features or features_f32, {'not both' if given else 'one of them'}"
        )
    if packed:
        row = _rows(packed)
        if len(row) != 1:
            raise invalid_input("features_f32", f"{len(packed)} bytes, one row has {FEATURES_BYTES}")
        return RowsRequest(message.instrument, row[0], message.schema_hash)
    if given != FEATURE_COUNT:
        raise invalid_input("features", f"{given} numbers, the model needs {FEATURE_COUNT}")
    return RowsRequest(message.instrument, np.array(message.features, dtype=np.float32), message.schema_hash)


def parse_explain_request(payload: bytes) -> ExplainRequest:
    message = _parse(predictor_pb2.ExplainRequest, payload)
    if not message.features and not message.features_f32:
        now = NowRequest(message.instrument, _quote(message.bid_e9, message.offer_e9))
        return ExplainRequest(None, now, message.largest)
    if message.bid_e9 or message.offer_e9:
        raise invalid_input("bid_e9", "a quote is for an order bought now, not for features that are given")
    return ExplainRequest(_parsed_row(message), None, message.largest)


def parse_watch_request(payload: bytes) -> str:
    """The instrument."""
    return _parse(predictor_pb2.WatchModelRequest, payload).instrument


def parse_batch_request(payload: bytes) -> RowsRequest:
    usual = parse_usual(payload, FEATURES_OF_MANY)
    if usual is not None:
        return RowsRequest(usual[0], _rows(payload, usual[1]), b"")
    message = _parse(predictor_pb2.PredictBatchRequest, payload)
    return RowsRequest(message.instrument, _rows(message.features_f32), message.schema_hash)


def parse_now_request(payload: bytes) -> NowRequest:
    message = _parse(predictor_pb2.PredictNowRequest, payload)
    return NowRequest(message.instrument, _quote(message.bid_e9, message.offer_e9))


def _quote(bid_e9: int, offer_e9: int) -> Quote | None:
    return Quote(bid_e9, offer_e9) if bid_e9 or offer_e9 else None


class ReplyEncoder:
    """Replies as bytes. What a reply says of its model is encoded once a model: messages encoded one after the other
    are one message with the fields of both, and a field that is a message is merged likewise."""

    def __init__(self) -> None:
        self._constants = VersionCache[_Constants]()

    def predict(self, value: Prediction) -> bytes:
        constants = self._constants_of(value.trust.of_model).predict
        if value.trust.raised:
            return constants + _score_of(value).SerializeToString()
        return constants + usual_reply(value.score, value.label, value.trust)

    def batch(self, value: Predictions) -> bytes:
        changing = predictor_pb2.PredictBatchResponse(trust=_changing_trust(value.trust)).SerializeToString()
        constants = self._constants_of(value.trust.of_model).batch
        return b"".join((constants, packed_scores(value.scores), packed_labels(value.labels), changing))

    def now(self, value: PredictionNow) -> bytes:
        own = predictor_pb2.PredictNowResponse(
            prediction=_score_of(value.prediction),
            second=value.second,
            bid_e9=value.quote.bid_e9,
            offer_e9=value.quote.offer_e9,
            stale=value.stale,
        )
        return self._constants_of(value.prediction.trust.of_model).now + own.SerializeToString()

    def explain(self, value: Explained) -> bytes:
        one, now = value.explanation, value.now
        return predictor_pb2.ExplainResponse(
            prediction=predictor_pb2.PredictResponse.FromString(self.predict(value.prediction)),
            z=one.z,
            intercept=one.intercept,
            contributions=[
                predictor_pb2.Contribution(name=part.name, features=part.features, value=part.value)
                for part in one.contributions
            ],
            rounding=one.rounding,
            second=now.second if now else 0,
            bid_e9=now.quote.bid_e9 if now else 0,
            offer_e9=now.quote.offer_e9 if now else 0,
        ).SerializeToString()

    def _constants_of(self, trust: ModelTrust) -> "_Constants":
        known = self._constants.get(trust.model)
        if known is None or known.trust is not trust:
            known = _Constants.of(trust)
            self._constants.put(trust.model, known)
        return known


@dataclass(frozen=True, slots=True, eq=False)
class _Constants:
    """The beginning of each kind of reply by one model."""

    trust: ModelTrust
    predict: bytes
    batch: bytes
    now: bytes

    @classmethod
    def of(cls, trust: ModelTrust) -> "_Constants":
        one = predictor_pb2.PredictResponse(
            threshold=trust.model.threshold,
            model=model_version(trust.model),
            evidence=trust.model.evidence,
            trust=constant_trust(trust),
        )
        many = predictor_pb2.PredictBatchResponse(
            threshold=one.threshold, model=one.model, evidence=one.evidence, trust=one.trust
        )
        now = predictor_pb2.PredictNowResponse(prediction=one)
        return cls(trust, *(reply.SerializeToString() for reply in (one, many, now)))


def _score_of(value: Prediction) -> predictor_pb2.PredictResponse:
    return predictor_pb2.PredictResponse(score=value.score, label=value.label, trust=_changing_trust(value.trust))


def _changing_trust(value: Trust) -> predictor_pb2.Trust:
    age_ns, features_age_ns = value.model_age_ns, value.features_age_ns
    return predictor_pb2.Trust(
        model_age_s=None if age_ns is None else age_ns / NS_PER_S,
        features_age_s=None if features_age_ns is None else features_age_ns / NS_PER_S,
        novelty=value.novelty,
        flags=_flags(value.raised) if value.raised else (),
    )


def constant_trust(value: ModelTrust) -> predictor_pb2.Trust:
    """What is known of a model whatever row it scores."""
    pooled, e = value.record.pooled, value.record.e_values
    trust = predictor_pb2.Trust(learnt_until_ns=value.learnt_until_ns, flags=_flags(value.flags))
    if pooled.models:
        trust.models_judged, trust.base_rate = pooled.models, pooled.base_rate.value
        trust.precision, trust.recall = pooled.precision.value, pooled.recall
    if e is not None:
        trust.e_gross, trust.e_net = e
    return trust


def watch_response(value: ModelTrust, swapped: bool) -> bytes:
    """What a watcher hears."""
    judged = value.record.judged
    card = None if judged is None else SCORECARD.to_wire(replace(judged[1], account=None))
    return predictor_pb2.WatchModelResponse(
        instrument=value.model.instrument,
        model=model_version(value.model),
        threshold=value.model.threshold,
        evidence=value.model.evidence,
        published_at_ns=value.model.pointer.published_at_ns,
        trust=constant_trust(value),
        swapped=swapped,
        judged_seq=judged[0] if judged else 0,
        scorecard=card,
    ).SerializeToString()


def _flags(values: Iterable[Flag]) -> list[predictor_pb2.TrustFlag]:
    return [predictor_pb2.TrustFlag(kind=f"KIND_{flag.kind.name}", reason=flag.reason) for flag in values]


def _parse(message: type[M], payload: bytes) -> M:
    try:
        return message.FromString(payload)
    except DecodeError:
        raise invalid_input("request", f"the bytes are no {message.DESCRIPTOR.full_name}") from None


def _rows(packed: bytes, begin: int = 0) -> Rows:
    """Rows as they lie in `packed` from `begin` on: nothing is copied."""
    count, rest = divmod(len(packed) - begin, FEATURES_BYTES)
    if rest or not count:
        raise invalid_input(
            "features_f32",
            f"{len(packed) - begin} bytes, a row has {FEATURES_BYTES}: {FEATURE_COUNT} little-endian float32",
        )
    return np.frombuffer(packed, dtype="<f4", offset=begin).reshape(count, FEATURE_COUNT)


def model_version(model: ServingModel) -> predictor_pb2.ModelVersion:
    return predictor_pb2.ModelVersion(seq=model.seq, epoch=model.epoch, sha256=model.sha256)
