"""What the predictor does, whatever the transport: find the model, score, name it. Raises PredictionRefusedError."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.predictor.history import MarketView, MarketViews
from services.predictor.model_slot import ModelSlots, ServingModel
from services.predictor.refusals import PredictionRefusedError, RefusalReason, invalid_input
from tidewheel.domain.features import FEATURE_NAMES, HISTORY_S, feature_row
from tidewheel.domain.market import check_instrument
from tidewheel.domain.models import Float64
from tidewheel.domain.prices import PRICE_MAX_E9

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quote:
    """What the caller of PredictNow sees, in 1e-9 units."""

    bid_e9: int
    offer_e9: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row's score, and the model that gave it."""

    score: float
    label: int
    model: ServingModel


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Scores of many rows by one model."""

    scores: Float64
    labels: NDArray[np.uint32]
    model: ServingModel


@dataclass(frozen=True, slots=True)
class PredictionNow:
    """A prediction for an order bought in the second after `second`, at `quote`."""

    prediction: Prediction
    second: int
    quote: Quote
    stale: bool


class Handler:
    """Answers from the serving models and the live market. Each call reads its model once."""

    def __init__(self, slots: ModelSlots, markets: MarketViews) -> None:
        self._slots = slots
        self._markets = markets

    def predict(self, instrument: str, row: Rows, schema_hash: bytes = b"") -> Prediction:
        """Score one row with shape (605,). An empty `schema_hash` means the caller does not say."""
        model = self._model(instrument, schema_hash)
        prediction = _prediction(model, row)
        if not 0.0 < prediction.score < 1.0:
            _check_finite(row)
        return prediction

    def predict_batch(self, instrument: str, rows: Rows, schema_hash: bytes = b"") -> Predictions:
        """Score rows with shape (n, 605), all by one and the same model."""
        return score_batch(self._model(instrument, schema_hash), rows)

    def serving(self, instrument: str) -> ServingModel:
        """The model that serves now."""
        return self._model(instrument, b"")

    def predict_now(self, instrument: str, quote: Quote | None = None) -> PredictionNow:
        """Score an order bought in the second after the last one known, at `quote` or else at that second's close."""
        if quote is not None:
            _check_quote(quote)
        model = self._model(instrument, b"")
        view = self._view(instrument)
        seen = quote or Quote(view.bid_e9, view.offer_e9)
        row = feature_row(seen.bid_e9, seen.offer_e9, view.day, view.mids_e9)
        return PredictionNow(_prediction(model, row), view.second, seen, view.stale)

    def _model(self, instrument: str, schema_hash: bytes) -> ServingModel:
        model = self._slots.get(instrument)
        if model is None:
            raise self._no_model(instrument)
        if schema_hash and schema_hash != model.schema_hash:
            raise invalid_input("schema_hash", f"{schema_hash.hex()}, the model needs {model.schema_hash.hex()}")
        return model

    def _no_model(self, instrument: str) -> PredictionRefusedError:
        try:
            check_instrument(instrument)
        except ValueError as failure:
            return invalid_input("instrument", str(failure))
        if not self._slots.registry_seen:
            return PredictionRefusedError(
                RefusalReason.REGISTRY_UNAVAILABLE, "the model registry has not answered yet; try again in a moment"
            )
        if self._slots.is_awaiting_model(instrument) or self._markets.get(instrument) is not None:
            message = f"no model of {instrument} yet: wait until a window of its examples has closed and been trained"
            return PredictionRefusedError(RefusalReason.NO_MODEL, message)
        known = ", ".join(sorted(self._slots.instruments())[:10]) or "none yet"
        return PredictionRefusedError(
            RefusalReason.UNKNOWN_INSTRUMENT, f"nothing is known of {instrument}; instruments with a model: {known}"
        )

    def _view(self, instrument: str) -> MarketView:
        view = self._markets.get(instrument)
        if self._markets.unavailable is not None:
            raise PredictionRefusedError(RefusalReason.MARKET_UNAVAILABLE, self._markets.unavailable)
        count = 0 if view is None else len(view.mids_e9)
        if view is None or not view.complete:
            message = f"needs {HISTORY_S} one-second prices of the present session of {instrument}, has {count}"
            raise PredictionRefusedError(RefusalReason.NO_HISTORY, message)
        return view


def _prediction(model: ServingModel, row: Rows) -> Prediction:
    score = model.scorer.score(row)
    return Prediction(score, int(score >= model.threshold), model)


def score_batch(model: ServingModel, rows: Rows) -> Predictions:
    """Score rows with shape (n, 605) by a model, serving or not."""
    scores = model.scorer.scores(rows)
    if not ((scores > 0.0) & (scores < 1.0)).all():
        _check_finite(rows)
    return Predictions(scores, (scores >= model.threshold).astype(np.uint32), model)


def _check_finite(rows: Rows) -> None:
    """Asked for where a score lies at an end of 0..1 or nowhere: a feature that is not finite always leads there."""
    finite = np.isfinite(rows)
    if not finite.all():
        place = np.argwhere(~finite)[0].tolist()
        of_row = f" of row {place[0]}" if rows.ndim == 2 else ""
        raise invalid_input(
            "features", f"number {place[-1]} ({FEATURE_NAMES[place[-1]]}){of_row} is not finite", tuple(place)
        )


def _check_quote(quote: Quote) -> None:
    for name, value in (("bid_e9", quote.bid_e9), ("offer_e9", quote.offer_e9)):
        if not 0 < value <= PRICE_MAX_E9:
            raise invalid_input(
                name, f"{value} is no price; give both sides of the quote as positive 1e-9 units, or neither"
            )
    if quote.bid_e9 > quote.offer_e9:
        raise invalid_input("bid_e9", f"the quote is crossed: bid {quote.bid_e9} above offer {quote.offer_e9}")
