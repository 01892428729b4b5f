"""The engine that tells which model gave an answer, and which market second it saw: the one that serves where traces
are on."""

from typing import Protocol

from services.predictor.core import Prediction, PredictionEngine, PredictionNow, Predictions, Quote, Rows
from services.predictor.market.history import MarketViews
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.trust.assessment import ProcedureRecords, TrustPolicy


class AnswerNotes(Protocol):
    """Who is told."""

    def on_model(self, instrument: str, seq: int) -> None: ...
    def on_second(self, instrument: str, second: int) -> None: ...


class TracedEngine(PredictionEngine):
    """Answers as the engine does."""

    def __init__(
        self,
        notes: AnswerNotes,
        slots: ModelSlots,
        markets: MarketViews,
        records: ProcedureRecords,
        policy: TrustPolicy,
    ) -> None:
        super().__init__(slots, markets, records, policy)
        self._notes = notes

    def predict(self, instrument: str, row: Rows, schema_hash: bytes = b"") -> Prediction:
        result = super().predict(instrument, row, schema_hash)
        self._notes.on_model(instrument, result.model.seq)
        return result

    def score_batch(self, model: ServingModel, rows: Rows) -> Predictions:
        self._notes.on_model(model.instrument, model.seq)
        return super().score_batch(model, rows)

    def predict_now(self, instrument: str, quote: Quote | None = None, now_ns: int = 0) -> PredictionNow:
        result = super().predict_now(instrument, quote, now_ns)
        self._notes.on_model(instrument, result.prediction.model.seq)
        self._notes.on_second(instrument, result.second)
        return result
