"""Older models that are still kept, for callers who name a version: verified once, then held, so many bytes of them."""

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Protocol

from services.predictor.models.model_slot import ServingModel
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from tidewheel.domain.models import ModelPointer
from tidewheel.registry.store import Registry, RegistryUnavailableError, VerificationError

BYTES_MAX = 32 * 2**20
# Beside the numbers of features: names, checksums, the objects themselves.
OVERHEAD_BYTES = 2_048
# A load may wait for Redis: few threads may be held by that at a time.
LOADS_MAX = 2


class KeptModels(Protocol):
    """Models of an instrument by the number of their window, and which there are."""

    def get(self, serving: ServingModel, seq: int) -> ServingModel | None:
        """Window `seq` of the instrument that `serving` is of; None where it is not kept or does not verify. Raises
        PredictionRefusedError where that cannot be told now."""
        ...

    def versions(self, instrument: str) -> list[int]:
        """Those kept, newest first; empty where that cannot be told now."""
        ...


class RegistryKeptModels:
    """`KeptModels` over the registry. Bytes never change under a number, so what verified once needs no second look."""

    def __init__(self, registry: Registry, bytes_max: int = BYTES_MAX) -> None:
        self._registry = registry
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._loads = threading.BoundedSemaphore(LOADS_MAX)
        self._models: OrderedDict[tuple[str, int], ServingModel] = OrderedDict()
        self._bytes = 0

    @property
    def resident_bytes(self) -> int:
        return self._bytes

    def get(self, serving: ServingModel, seq: int) -> ServingModel | None:
        if seq == serving.seq:
            return serving
        with self._lock:
            model = self._models.get((serving.instrument, seq))
            if model is not None:
                self._models.move_to_end((serving.instrument, seq))
                return model
        model = self._load(serving, seq)
        if model is not None:
            self._keep(model)
        return model

    def versions(self, instrument: str) -> list[int]:
        if not self._loads.acquire(blocking=False):
            return []
        try:
            return self._registry.kept_models(instrument)
        except (RegistryUnavailableError, VerificationError):
            return []
        finally:
            self._loads.release()

    def _load(self, serving: ServingModel, seq: int) -> ServingModel | None:
        if not self._loads.acquire(blocking=False):
            raise PredictionRefusedError(
                RefusalReason.REGISTRY_UNAVAILABLE, "other versions are being loaded; try again in a moment"
            )
        instrument = serving.instrument
        try:
            record = self._registry.record_of(instrument, seq)
            if record is None or not record.sha256:
                return None
            model = self._registry.load(instrument, seq)
        except VerificationError:
            return None
        except RegistryUnavailableError as failure:
            raise PredictionRefusedError(RefusalReason.REGISTRY_UNAVAILABLE, str(failure)) from None
        finally:
            self._loads.release()
        pointer: ModelPointer = replace(
            serving.pointer,
            seq=seq,
            sha256=record.sha256,
            schema_hash_hex=model.schema_hash.hex(),
            evidence=record.evidence,
            published_at_ns=record.published_at_ns,
        )
        return ServingModel.of(pointer, model)

    def _keep(self, model: ServingModel) -> None:
        with self._lock:
            key = (model.instrument, model.seq)
            if key not in self._models:
                self._bytes += _bytes_of(model)
            self._models[key] = model
            self._models.move_to_end(key)
            while self._bytes > self._bytes_max and len(self._models) > 1:
                self._bytes -= _bytes_of(self._models.popitem(last=False)[1])


def _bytes_of(model: ServingModel) -> int:
    return model.resident_bytes + OVERHEAD_BYTES
