"""Follows the candidates in the registry, for the shadow only: one that is gone or does not verify is no candidate."""

import logging
import time
from collections.abc import Callable

from services.predictor.metrics import record_shadow_failure
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.served.shadow import Candidates
from tidewheel.registry.store import Registry, RegistryUnavailableError
from tidewheel.telemetry.reported_failures import ReportedFailures

# A candidate comes with a training run at most.
POLL_EVERY_S = 5.0


class ShadowWatcher:
    """The thread that follows the procedure's records calls it."""

    def __init__(
        self,
        registry: Registry,
        slots: ModelSlots,
        candidates: Candidates,
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._slots = slots
        self._candidates = candidates
        self._log = log
        self._clock = clock
        self._next_poll_s = 0.0
        self._failures = ReportedFailures[str]()

    def poll_once(self) -> None:
        """Look at the candidates of all instruments that have a serving model, if it is time to."""
        now_s = self._clock()
        if now_s < self._next_poll_s:
            return
        self._next_poll_s = now_s + POLL_EVERY_S
        for instrument in self._slots.instruments():
            try:
                self._sync(instrument)
            except RegistryUnavailableError:
                return  # what is loaded shadows on
            except Exception as failure:  # whatever lies in Redis concerns this instrument only
                self._fail(instrument, failure)

    def _sync(self, instrument: str) -> None:
        pointer, loaded = self._registry.candidate(instrument), self._candidates.get(instrument)
        if pointer is None:
            self._candidates.drop(instrument)
        elif loaded is None or loaded.pointer != pointer:
            self._candidates.put(ServingModel.of(pointer, self._registry.load_pointed(pointer)))
            self._log.info("candidate %d of %s shadows the serving model", pointer.seq, instrument)
        self._failures.clear(instrument)

    def _fail(self, instrument: str, failure: Exception) -> None:
        self._candidates.drop(instrument)
        record_shadow_failure(instrument)
        if self._failures.is_new(instrument, str(failure)):
            self._log.error("the candidate of %s does not shadow: %s", instrument, failure)
