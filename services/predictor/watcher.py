"""Follows the registry: a moved pointer -> load, verify, swap. One that fails verification keeps the last good model.

The pointer read each second is the truth; a notification only wakes the watcher sooner.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from services.predictor.metrics import (
    forget_predictions,
    record_registry_up,
    record_swap,
    record_swap_failure,
)
from services.predictor.model_slot import ModelSlots, ServingModel
from tidewheel.registry.store import (
    ModelPointer,
    Notifications,
    Registry,
    RegistryUnavailableError,
    VerificationError,
    VerificationFailure,
)

BACKOFF_MAX_S = 30.0
# Versions of an instrument whose prediction counters are kept.
VERSIONS_COUNTED_MAX = 20


@dataclass(slots=True)
class FailedLoad:
    """A model that did not verify: what was reported of it, and when to try again."""

    reported: tuple[ModelPointer | None, VerificationFailure]
    attempts: int
    next_attempt_s: float


class Watcher:
    """One thread runs it; `poll_once` is one look at the registry."""

    def __init__(
        self,
        registry: Registry,
        slots: ModelSlots,
        log: logging.Logger,
        *,
        poll_s: float = 1.0,
        on_model_loaded: Callable[[], None] = lambda: None,
        on_poll: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._slots = slots
        self._log = log
        self._poll_s = poll_s
        self._on_model_loaded = on_model_loaded
        self._on_poll = on_poll
        self._clock = clock
        self._failed_loads: dict[str, FailedLoad] = {}
        self._counted_versions: dict[str, deque[int]] = {}
        self._up: bool | None = None

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        notified: str | None = None
        notifications: Notifications | None = None
        with ExitStack() as subscription:
            while not stop.is_set():
                self.poll_once(notified)
                notified = None
                try:
                    notifications = notifications or subscription.enter_context(self._registry.notifications())
                    notified = notifications.wait(self._poll_s)
                except RegistryUnavailableError:
                    subscription.close()
                    notifications = None
                    stop.wait(self._poll_s)

    def poll_once(self, notified: str | None = None) -> None:
        """Read the pointers and follow those that moved; `notified`: an instrument to try whatever the back-off."""
        self._on_poll()
        if notified is not None and (failed := self._failed_loads.get(notified)):
            failed.next_attempt_s = self._clock()
        try:
            known = self._registry.instruments()
            for instrument in {*known, *self._slots.instruments()}:
                self._sync(instrument)
            self._record_registry_up(None)
            self._slots.set_awaiting_model(frozenset(name for name in known if self._slots.get(name) is None))
        except RegistryUnavailableError as failure:
            self._record_registry_up(str(failure))

    def _sync(self, instrument: str) -> None:
        serving, pointer = self._slots.get(instrument), None
        try:
            pointer = self._registry.current(instrument)
            if pointer is None:
                if serving is None:
                    return
                raise VerificationError(VerificationFailure.MISSING, "its pointer is gone")
            if serving is not None and serving.pointer == pointer:
                self._failed_loads.pop(instrument, None)
            elif self._is_due(instrument, pointer):
                self._swap(ServingModel.of(pointer, self._registry.load_pointed(pointer)), serving)
        except VerificationError as failure:
            self._fail(instrument, pointer, failure, serving)

    def _is_due(self, instrument: str, pointer: ModelPointer) -> bool:
        failed = self._failed_loads.get(instrument)
        return failed is None or failed.reported[0] != pointer or self._clock() >= failed.next_attempt_s

    def _swap(self, model: ServingModel, before: ServingModel | None) -> None:
        self._slots.put(model)
        self._failed_loads.pop(model.instrument, None)
        if before is None:
            self._on_model_loaded()
        pointer, instrument = model.pointer, model.instrument
        record_swap(pointer)
        self._drop_old_counters(instrument, pointer.seq)
        self._log.info(
            "serving model %d (epoch %d, sha256 %s…, evidence %s) of %s%s",
            *(pointer.seq, pointer.epoch, pointer.sha256[:12], pointer.evidence, instrument),
            f" after {before.seq} (epoch {before.epoch})" if before else "",
        )

    def _drop_old_counters(self, instrument: str, seq: int) -> None:
        """Prometheus keeps every label value for ever, and versions come without end."""
        counted = self._counted_versions.setdefault(instrument, deque())
        if seq in counted:
            counted.remove(seq)
        counted.append(seq)
        if len(counted) > VERSIONS_COUNTED_MAX:
            forget_predictions(instrument, counted.popleft())

    def _fail(
        self, instrument: str, pointer: ModelPointer | None, failure: VerificationError, serving: ServingModel | None
    ) -> None:
        reported, failed, now = (pointer, failure.reason), self._failed_loads.get(instrument), self._clock()
        again = failed is not None and failed.reported == reported
        if again and failed is not None and now < failed.next_attempt_s:
            return
        attempts = failed.attempts + 1 if again and failed is not None else 1
        self._failed_loads[instrument] = FailedLoad(reported, attempts, now + min(2.0 ** (attempts - 1), BACKOFF_MAX_S))
        record_swap_failure(instrument, failure.reason)
        if not again:
            kept = f"model {serving.seq} serves on" if serving else "nothing serves yet"
            self._log.error(
                "model %s of %s not taken, %s: %s", pointer.seq if pointer else "?", instrument, kept, failure
            )

    def _record_registry_up(self, failure: str | None) -> None:
        """On a change only."""
        up = failure is None
        record_registry_up(up)
        if up != self._up:
            if failure is not None:
                self._log.warning("%s; serving models serve on", failure)
            elif self._up is not None:
                self._log.info("the registry answers again")
            self._up = up
