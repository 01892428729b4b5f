"""What is made of a model once and kept while it is asked for: of the version of an instrument that was asked for last,
and of some others, so that callers who name different versions in turn do not have it made anew each time. Pure.
"""

from typing import Generic, TypeVar

from services.predictor.models.model_slot import ServingModel

Value = TypeVar("Value")
# Of all instruments together: a value may hold its model, some 25 kB, beyond what `RegistryKeptModels` keeps.
OTHERS_MAX = 500


class VersionCache(Generic[Value]):
    """Values by instrument and window. Calls of any thread use it without a lock: single operations on a dict are
    atomic, and the worst that two at once can do is to have a value made twice. Whoever gets a value sees to it that it
    is of the model at hand: another one may come under the same number."""

    def __init__(self, others_max: int = OTHERS_MAX) -> None:
        self._others_max = others_max
        self._newest: dict[str, tuple[int, Value]] = {}
        self._others: dict[tuple[str, int], Value] = {}

    def __len__(self) -> int:
        return len(self._newest) + len(self._others)

    def get(self, model: ServingModel) -> Value | None:
        """What was kept of this version, if anything."""
        newest = self._newest.get(model.instrument)
        if newest is not None and newest[0] == model.seq:
            return newest[1]
        return self._others.get((model.instrument, model.seq))

    def put(self, model: ServingModel, value: Value) -> None:
        """Keep it. Of other versions the oldest go where there are too many."""
        before = self._newest.get(model.instrument)
        self._newest[model.instrument] = (model.seq, value)
        self._others.pop((model.instrument, model.seq), None)
        if before is not None and before[0] != model.seq:
            self._others[model.instrument, before[0]] = before[1]
        while len(self._others) > self._others_max:
            try:
                self._others.pop(next(iter(self._others)), None)
            except (RuntimeError, StopIteration):  # one came or went just then
                continue
