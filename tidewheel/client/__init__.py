"""A small typed client of the predictor: `from tidewheel.client import PredictorClient`."""

from tidewheel.client.answers import (
    Answer,
    BatchAnswer,
    Contribution,
    Explanation,
    Flag,
    ModelUpdate,
    ModelVersion,
    NowAnswer,
    Trust,
)
from tidewheel.client.predictor import PredictionError, PredictorClient

__all__ = [
    "Answer",
    "BatchAnswer",
    "Contribution",
    "Explanation",
    "Flag",
    "ModelUpdate",
    "ModelVersion",
    "NowAnswer",
    "PredictionError",
    "PredictorClient",
    "Trust",
]
