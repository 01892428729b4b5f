"""Everything that shapes a model's bytes beside its rows, as one value with one canonical text."""

import json
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any

from services.trainer.learning.learner import Loss, OptimizerKind
from services.trainer.search.criteria import Criterion, Goal
from tidewheel.domain.windows import Windowing

# Raised whenever the same rows and settings give another model; it is part of the lineage.
PROCEDURE = 4


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Settings that shape a model. `at_once` trials are trained together, of `neighbours` settings each, in `folds`
    folds; with early stopping a setting may stop before the last of its epochs."""

    window: int = 10_000
    step: int = 10_000
    memory: int = 12  # windows that a model may be made of, its own among them
    trials: int = 10
    at_once: int = 2
    neighbours: int = 16
    folds: int = 3
    epochs: int = 6
    criterion: Criterion = field(default_factory=Criterion)
    update: OptimizerKind = OptimizerKind.SGD
    loss: Loss = Loss.LOGISTIC
    balanced: bool = False  # the positive weight is not searched but balances the classes
    uniqueness_weights: bool = False
    early_stopping: bool = False
    warm_start: bool = False
    seed: int = 1
    procedure: int = PROCEDURE

    @property
    def windowing(self) -> Windowing:
        return Windowing(self.window, self.step)

    def canonical_json(self) -> str:
        """The same settings give the same text, always."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainingConfig":
        """From the canonical text's values. Raises KeyError, TypeError or ValueError where they are another class's."""
        criterion = values["criterion"]
        typed = {
            "update": OptimizerKind(values["update"]),
            "loss": Loss(values["loss"]),
            "criterion": Criterion(**{**criterion, "goal": Goal(criterion["goal"])}),
        }
        return cls(**{**values, **typed})

    def with_trials(self, trials: int) -> "TrainingConfig":
        """The configuration of a search that ended after so many trials, as a limit of time may have it."""
        return replace(self, trials=trials)

    @staticmethod
    def trials_in(canonical_json: str) -> int:
        """How many trials a model's configuration says were made."""
        return int(json.loads(canonical_json).get("trials", 0)) if canonical_json else 0

    def seed_of(self, instrument: str, seq: int, purpose: str) -> int:
        """A seed that depends on nothing but these values; Python's own hash() differs from process to process."""
        detail = json.dumps([self.seed, instrument, seq, purpose], separators=(",", ":"))
        return int.from_bytes(sha256(detail.encode()).digest()[:4], "little")
