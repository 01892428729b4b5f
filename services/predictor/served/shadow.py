"""The candidate beside the serving model: what it would have answered. Nothing of it reaches a caller. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.predictor.models.model_slot import ServingModel


@dataclass(frozen=True, slots=True)
class ShadowAnswer:
    """What the candidate `seq` scores where a caller got something else or the same. `difference`: whatever the
    sign."""

    seq: int
    score: float
    label: int
    difference: float
    agrees: bool


def shadow_answer(candidate: ServingModel, row: NDArray[np.float32], score: float, label: int) -> ShadowAnswer:
    """The candidate on a row that the serving model gave this score and label."""
    own = candidate.scorer.score(row)
    flagged = int(own >= candidate.threshold)
    return ShadowAnswer(candidate.seq, own, flagged, abs(own - score), flagged == label)


class Candidates:
    """The candidate of each instrument that has one. Written by one thread, read by every call."""

    def __init__(self) -> None:
        self._loaded: dict[str, ServingModel] = {}

    def get(self, instrument: str) -> ServingModel | None:
        return self._loaded.get(instrument)

    def put(self, model: ServingModel) -> None:
        self._loaded[model.instrument] = model

    def drop(self, instrument: str) -> None:
        self._loaded.pop(instrument, None)

    def instruments(self) -> list[str]:
        return list(self._loaded)
