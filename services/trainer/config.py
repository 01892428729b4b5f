"""Everything that shapes a model's bytes beside its rows, as one value with one canonical text."""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from services.trainer.learner import Update
from tidewheel.domain.windows import Windowing

# Raised whenever the same rows and settings give another model; it is part of the lineage.
PROCEDURE = 2


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Settings that shape a model. `at_once` trials are trained together, of `neighbours` settings each."""

    window: int = 10_000
    step: int = 10_000
    trials: int = 10
    at_once: int = 2
    neighbours: int = 16
    epochs: int = 15
    recall_min: float = 0.25
    update: Update = Update.SGD
    seed: int = 1
    procedure: int = PROCEDURE

    @property
    def windowing(self) -> Windowing:
        return Windowing(self.window, self.step)

    def canonical(self) -> str:
        """The same settings give the same text, always."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def told(cls, values: dict[str, Any]) -> "TrainingConfig":
        """From the canonical text's values. Raises KeyError, TypeError or ValueError where they are another class's."""
        return cls(**{**values, "update": Update(values["update"])})

    def seed_of(self, instrument: str, seq: int, purpose: str) -> int:
        """A seed that depends on nothing but these values; Python's own hash() differs from process to process."""
        words = json.dumps([self.seed, instrument, seq, purpose], separators=(",", ":"))
        return int.from_bytes(sha256(words.encode()).digest()[:4], "little")
