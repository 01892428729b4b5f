"""Answers that callers got, as they are kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServedPrediction:
    """One answer for one row; see `proto/tidewheel/wire/v1/predictions.proto` for each field. `features`: 605
    little-endian float32 as bytes."""

    instrument: str
    at_ns: int
    method: str
    features: bytes
    score: float
    label: int
    threshold: float
    model_seq: int
    model_epoch: int
    model_sha256: str
    flags: tuple[str, ...] = ()
    second: int = 0
    bid_e9: int = 0
    offer_e9: int = 0
    quote_given: bool = False
    candidate_seq: int = 0
    candidate_score: float = 0.0
    candidate_label: int = 0
