"""Follows the registry: a moved pointer -> load, verify, swap. Any doubt keeps the last good model.

The pointer read each second is the truth; news of a publication only wakes the watcher sooner.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from services.predictor.model_slot import ModelSlots, ServingModel
from tidewheel.registry.store import Doubt, Pointer, Registry, RegistryUnavailable, Unverified, Wakeups
from tidewheel.telemetry import metrics

BACK_OFF_MAX_S = 30.0
# Versions of an instrument whose prediction counters are kept.
VERSIONS_COUNTED = 20


@dataclass(slots=True)
class Failing:
    """A model that is not taken: what was said of it, and when to try again."""

    said: tuple[Pointer | None, Doubt]
    tries: int
    next_try_s: float


class Watcher:
    """One thread runs it; `turn` is one look at the registry."""

    def __init__(
        self,
        registry: Registry,
        slots: ModelSlots,
        log: logging.Logger,
        *,
        poll_s: float = 1.0,
        on_model: Callable[[], None] = lambda: None,
        on_turn: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._slots = slots
        self._log = log
        self._poll_s = poll_s
        self._on_model = on_model
        self._on_turn = on_turn
        self._clock = clock
        self._failing: dict[str, Failing] = {}
        self._counted: dict[str, deque[int]] = {}
        self._up: bool | None = None

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        woken: str | None = None
        news: Wakeups | None = None
        with ExitStack() as subscription:
            while not stop.is_set():
                self.turn(woken)
                woken = None
                try:
                    news = news or subscription.enter_context(self._registry.wakeups())
                    woken = news.wait(self._poll_s)
                except RegistryUnavailable:
                    subscription.close()
                    news = None
                    stop.wait(self._poll_s)

    def turn(self, woken: str | None = None) -> None:
        """Read the pointers and follow those that moved; `woken` names an instrument to try whatever the back-off."""
        self._on_turn()
        if woken is not None and (failing := self._failing.get(woken)):
            failing.next_try_s = self._clock()
        try:
            known = self._registry.instruments()
            for instrument in {*known, *self._slots.instruments()}:
                self._follow(instrument)
            self._say_up(None)
            self._slots.note_waiting(frozenset(name for name in known if self._slots.get(name) is None))
        except RegistryUnavailable as failure:
            self._say_up(str(failure))

    def _follow(self, instrument: str) -> None:
        serving, pointer = self._slots.get(instrument), None
        try:
            pointer = self._registry.current(instrument)
            if pointer is None:
                if serving is None:
                    return
                raise Unverified(Doubt.MISSING, "its pointer is gone")
            if serving is not None and serving.pointer == pointer:
                self._failing.pop(instrument, None)
            elif self._is_due(instrument, pointer):
                self._swap(ServingModel.of(pointer, self._registry.load_pointed(pointer)), serving)
        except Unverified as failure:
            self._fail(instrument, pointer, failure, serving)

    def _is_due(self, instrument: str, pointer: Pointer) -> bool:
        failing = self._failing.get(instrument)
        return failing is None or failing.said[0] != pointer or self._clock() >= failing.next_try_s

    def _swap(self, model: ServingModel, before: ServingModel | None) -> None:
        self._slots.put(model)
        self._failing.pop(model.instrument, None)
        if before is None:
            self._on_model()
        pointer, instrument = model.pointer, model.instrument
        metrics.MODEL_SWAPS.labels(instrument).inc()
        metrics.MODEL_SEQ.labels(instrument).set(pointer.seq)
        metrics.MODEL_EPOCH.labels(instrument).set(pointer.epoch)
        metrics.MODEL_PUBLISHED_TIME_SECONDS.labels(instrument).set(pointer.published_at_ns / 1e9)
        self._forget_old_counters(instrument, pointer.seq)
        self._log.info(
            "serving model %d (epoch %d, sha256 %s…, evidence %s) of %s%s",
            *(pointer.seq, pointer.epoch, pointer.sha256[:12], pointer.evidence, instrument),
            f" after {before.seq} (epoch {before.epoch})" if before else "",
        )

    def _forget_old_counters(self, instrument: str, seq: int) -> None:
        """Prometheus keeps every label value for ever, and versions come without end."""
        counted = self._counted.setdefault(instrument, deque())
        if seq in counted:
            counted.remove(seq)
        counted.append(seq)
        if len(counted) > VERSIONS_COUNTED:
            old = str(counted.popleft())
            for label in ("0", "1"):
                metrics.PREDICTIONS.remove(instrument, old, label)

    def _fail(
        self, instrument: str, pointer: Pointer | None, failure: Unverified, serving: ServingModel | None
    ) -> None:
        said, failing, now = (pointer, failure.reason), self._failing.get(instrument), self._clock()
        again = failing is not None and failing.said == said
        if again and failing is not None and now < failing.next_try_s:
            return
        tries = failing.tries + 1 if again and failing is not None else 1
        self._failing[instrument] = Failing(said, tries, now + min(2.0 ** (tries - 1), BACK_OFF_MAX_S))
        metrics.MODEL_SWAP_FAILURES.labels(instrument, failure.reason).inc()
        if not again:
            kept = f"model {serving.seq} serves on" if serving else "nothing serves yet"
            self._log.error(
                "model %s of %s not taken, %s: %s", pointer.seq if pointer else "?", instrument, kept, failure
            )

    def _say_up(self, failure: str | None) -> None:
        """On a change only."""
        up = failure is None
        metrics.REGISTRY_UP.labels("predictor").set(up)
        if up != self._up:
            if failure is not None:
                self._log.warning("%s; serving models serve on", failure)
            elif self._up is not None:
                self._log.info("the registry answers again")
            self._up = up
