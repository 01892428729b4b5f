"""What the predictor does, whatever the transport: find the model, score, name it. Raises PredictionRefusedError."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.predictor.market.history import MarketView, MarketViews
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.refusals import PredictionRefusedError, RefusalReason, invalid_input
from services.predictor.trust.assessment import ModelTrust, ProcedureRecords, Trust, TrustCache, TrustPolicy, assess
from services.predictor.trust.explanation import Explanation, explain
from tidewheel.domain.features import FEATURE_NAMES, HISTORY_S
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
    trust: Trust


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Scores of many rows by one model."""

    scores: Float64
    labels: NDArray[np.uint32]
    model: ServingModel
    trust: Trust


@dataclass(frozen=True, slots=True)
class PredictionNow:
    """A prediction for an order bought in the second after `second`, at `quote`, by the features `row`."""

    prediction: Prediction
    second: int
    quote: Quote
    stale: bool
    row: Rows


@dataclass(frozen=True, slots=True)
class Explained:
    """A prediction and what its score is made of; `now` where it is of an order bought now."""

    prediction: Prediction
    explanation: Explanation
    now: PredictionNow | None = None


class PredictionEngine:
    """Answers from the serving models and the live market. Each call reads its model once."""

    def __init__(
        self,
        slots: ModelSlots,
        markets: MarketViews,
        records: ProcedureRecords | None = None,
        policy: TrustPolicy | None = None,
    ) -> None:
        self._slots = slots
        self._markets = markets
        self._trusts = TrustCache(records or ProcedureRecords())
        self._policy = policy or TrustPolicy()

    def predict(self, instrument: str, row: Rows, schema_hash: bytes = b"") -> Prediction:
        """Score one row with shape (605,). An empty `schema_hash` means the caller does not say."""
        model = self._model(instrument, schema_hash)
        return self._prediction(model, row, self._markets.get(instrument))

    def predict_batch(self, instrument: str, rows: Rows, schema_hash: bytes = b"") -> Predictions:
        """Score rows with shape (n, 605), all by one and the same model."""
        return self.score_batch(self._model(instrument, schema_hash), rows)

    def serving(self, instrument: str) -> ServingModel:
        """The model that serves now."""
        return self._model(instrument, b"")

    def score_batch(self, model: ServingModel, rows: Rows) -> Predictions:
        """Score rows with shape (n, 605) by a model, serving or not."""
        if len(rows) == 1:
            return self._score_one(model, rows)
        scores = model.scorer.scores(rows)
        if not (scores.min() > 0 and scores.max() < 1):
            _check_extreme_scores(model, rows, scores)
        trust = self._trust(model, rows, self._markets.get(model.instrument))
        return Predictions(scores, (scores >= model.threshold).astype(np.uint32), model, trust)

    def _score_one(self, model: ServingModel, rows: Rows) -> Predictions:
        """Of one row, as most callers of the open inference protocol have it, with the same bits."""
        score = model.scorer.score(rows[0])
        if not 0 < score < 1:
            _check_extreme_scores(model, rows, score)
        trust = self._trust(model, rows, self._markets.get(model.instrument))
        labels = np.array((score >= model.threshold,), dtype=np.uint32)
        return Predictions(np.array((score,)), labels, model, trust)

    def predict_now(self, instrument: str, quote: Quote | None = None, now_ns: int = 0) -> PredictionNow:
        """Score an order bought in the second after the last one known, at `quote` or else at that second's close.
        `now_ns`: the wall clock, 0 where the caller does not know it."""
        if quote is not None:
            _check_quote(quote)
        model = self._model(instrument, b"")
        view = self.complete_view(instrument)
        seen = quote or Quote(view.bid_e9, view.offer_e9)
        row = view.row(seen.bid_e9, seen.offer_e9)
        prediction = self._prediction(model, row, view, view, now_ns)
        return PredictionNow(prediction, view.second, seen, view.stale, row)

    def explain(self, instrument: str, row: Rows, largest: int = 0, schema_hash: bytes = b"") -> Explained:
        """Score one row with shape (605,), and say what its score is made of: the `largest` contributions, 0 for
        all."""
        prediction = self.predict(instrument, row, schema_hash)
        return Explained(prediction, explain(prediction.model, row, largest))

    def explain_now(self, instrument: str, quote: Quote | None = None, largest: int = 0, now_ns: int = 0) -> Explained:
        """The same for an order bought now, as in `predict_now`."""
        now = self.predict_now(instrument, quote, now_ns)
        return Explained(now.prediction, explain(now.prediction.model, now.row, largest), now)

    def model_trust(self, instrument: str) -> ModelTrust:
        """What is said of the serving model whatever row it scores."""
        return self._trusts.of(self._model(instrument, b""))

    def _prediction(
        self,
        model: ServingModel,
        row: Rows,
        market: MarketView | None,
        features_from: MarketView | None = None,
        now_ns: int = 0,
    ) -> Prediction:
        score = model.scorer.score(row)
        if not 0 < score < 1:
            _check_extreme_scores(model, row, score)
        trust = self._trust(model, row, market, features_from, now_ns)
        return Prediction(score, int(score >= model.threshold), model, trust)

    def _trust(
        self,
        model: ServingModel,
        rows: Rows,
        market: MarketView | None,
        features_from: MarketView | None = None,
        now_ns: int = 0,
    ) -> Trust:
        trust = assess(self._trusts.of(model), self._policy, rows, market, features_from, now_ns)
        if self._policy.refuse_when:
            for flag in trust.flags:
                if flag.kind in self._policy.refuse_when:
                    message = f"{flag.reason}; this predictor refuses what is flagged {flag.kind}"
                    raise PredictionRefusedError(RefusalReason.NOT_TRUSTED, message)
        return trust

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

    def complete_view(self, instrument: str) -> MarketView:
        """The market, with all that features need of it. Raises PredictionRefusedError."""
        view = self._markets.get(instrument)
        if self._markets.unavailable is not None:
            raise PredictionRefusedError(RefusalReason.MARKET_UNAVAILABLE, self._markets.unavailable)
        count = 0 if view is None else len(view.mids_e9)
        if view is None or not view.complete:
            message = f"needs {HISTORY_S} one-second prices of the present session of {instrument}, has {count}"
            raise PredictionRefusedError(RefusalReason.NO_HISTORY, message)
        return view


def _check_extreme_scores(model: ServingModel, rows: Rows, scores: float | Float64) -> None:
    """Of scores that are not all strictly between 0 and 1: what is not finite in a row makes its score NaN, 0 or 1."""
    _check_finite(rows)
    if np.isnan(scores).any():
        raise invalid_input("features", f"too large for the weights of model {model.seq}: they have no score")


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
