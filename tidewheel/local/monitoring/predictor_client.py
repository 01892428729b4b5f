"""The predictor as the live view asks it: one question, one reply as a value, every failure as one exception."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tidewheel.client import Answer, PredictionError
from tidewheel.client import PredictorClient as Client
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.features import FEATURE_COUNT

ANSWER_LIMIT_S = 2.0
FLAT_MARKET = np.zeros(FEATURE_COUNT, dtype=np.float32)

A = TypeVar("A")


class NoPredictionError(TidewheelError):
    """The predictor gave no score; `code` is the gRPC status code's name, the message its details."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Prediction:
    """One reply. `second` and the quote are 0 where the features were given instead of cut from the market."""

    score: float
    label: int
    threshold: float
    seq: int
    epoch: int
    evidence: str
    second: int = 0
    bid_e9: int = 0
    offer_e9: int = 0
    stale: bool = False


class PredictorClient:
    """Speaks to one predictor; connects by itself, again and again."""

    def __init__(self, address: str) -> None:
        self._client = Client(address, timeout_s=ANSWER_LIMIT_S)

    def close(self) -> None:
        self._client.close()

    def predict_now(self, instrument: str) -> Prediction:
        """Score an order bought now. Raises NoPredictionError."""
        now = _asked(lambda: self._client.predict_now(instrument))
        return _prediction(now.answer, now.second, now.bid_e9, now.offer_e9, now.stale)

    def predict_flat_market(self, instrument: str) -> Prediction:
        """Score an order in a market that has not moved for ten minutes and has no spread. Raises NoPredictionError."""
        return _prediction(_asked(lambda: self._client.predict(instrument, FLAT_MARKET)))


def _asked(call: Callable[[], A]) -> A:
    try:
        return call()
    except PredictionError as failure:
        message = "the predictor does not answer yet" if str(failure).startswith("no predictor") else str(failure)
        raise NoPredictionError(failure.code, message) from None


def _prediction(answer: Answer, second: int = 0, bid_e9: int = 0, offer_e9: int = 0, stale: bool = False) -> Prediction:
    version = answer.version
    return Prediction(
        *(answer.score, answer.label, answer.threshold, version.seq, version.epoch, answer.evidence),
        *(second, bid_e9, offer_e9, stale),
    )
