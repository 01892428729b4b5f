"""The models that serve now: one immutable object an instrument, replaced by one assignment.

A call reads its object once and answers from nothing else, so a swap in the middle of a call changes nothing in it.
"""

from dataclasses import dataclass

from tidewheel.domain.models import Evidence, Model, ModelPointer, Scorer


@dataclass(frozen=True, slots=True, eq=False)
class ServingModel:
    """All that a reply says of its model, and the scoring."""

    pointer: ModelPointer
    schema_hash: bytes
    scorer: Scorer
    model: Model

    @classmethod
    def of(cls, pointer: ModelPointer, model: Model) -> "ServingModel":
        return cls(pointer, model.schema_hash, Scorer.of(model), model)

    @property
    def learnt_until_ns(self) -> int:
        """Market time of the last resolution that it learnt from."""
        return self.model.last_resolved_ns

    @property
    def resident_bytes(self) -> int:
        """What serving it costs in memory, by far the most of it numbers of features."""
        model = self.model
        arrays = (self.scorer.weights, model.coefficients, model.mean, model.std)
        return sum(int(array.nbytes) for array in arrays) + len(model.lowest) + len(model.highest)

    @property
    def instrument(self) -> str:
        return self.pointer.instrument

    @property
    def seq(self) -> int:
        return self.pointer.seq

    @property
    def epoch(self) -> int:
        return self.pointer.epoch

    @property
    def sha256(self) -> str:
        return self.pointer.sha256

    @property
    def evidence(self) -> Evidence:
        return self.pointer.evidence

    @property
    def threshold(self) -> float:
        return self.scorer.threshold


class ModelSlots:
    """Written by the watcher alone, read by every call. Assignments to a dict are atomic."""

    def __init__(self) -> None:
        self._serving: dict[str, ServingModel] = {}
        self._awaiting_model: frozenset[str] = frozenset()
        self.registry_seen = False

    def get(self, instrument: str) -> ServingModel | None:
        return self._serving.get(instrument)

    def put(self, model: ServingModel) -> None:
        self._serving[model.instrument] = model

    def instruments(self) -> list[str]:
        """Instruments with a serving model."""
        return list(self._serving)

    def set_awaiting_model(self, instruments: frozenset[str]) -> None:
        """Instruments the registry knows but has no usable model of."""
        self._awaiting_model = instruments
        self.registry_seen = True

    def awaiting_model(self) -> frozenset[str]:
        return self._awaiting_model

    def is_awaiting_model(self, instrument: str) -> bool:
        return instrument in self._awaiting_model
