"""Follows pointers: one that has moved -> load, verify, swap. One that is refused keeps the last good model.

Nothing here raises for what lies in the registry: damage is counted by its reason, said once, and concerns its
instrument alone.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from services.predictor.metrics import (
    forget_predictions,
    record_resident_bytes,
    record_swap,
    record_swap_duration,
    record_swap_failure,
)
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.models.refused_models import RefusedModels
from tidewheel.domain.time import NS_PER_S
from tidewheel.registry import keys
from tidewheel.registry.pointer import check_follows
from tidewheel.registry.reading import BoundedReader
from tidewheel.registry.store import ModelPointer, VerificationError, VerificationFailure
from tidewheel.registry.values import LoadedModel
from tidewheel.registry.verify import sha256_of
from tidewheel.runtime.retry import Retry
from tidewheel.telemetry.logs import Fields, of_window
from tidewheel.telemetry.reported_failures import ReportedFailures
from tidewheel.telemetry.tracing.tracer import NO_TRACES, Attributes, Exemplar, Span, Tracer, exemplar

# After a refusal, and at most: what did not verify a moment ago will hardly do so now.
BACKOFF = Retry(1.0, pause_max_s=30.0)
# Versions of an instrument whose prediction counters are kept.
VERSIONS_COUNTED_MAX = 5
# Serving models that one look compares with what lies in the registry now.
AUDITED_EACH = 4
# One turn of loading; so many models at the most are verified between two looks.
LOAD_TURN_S = 0.5


class Source(Protocol):
    """What is asked of a registry, with what each call promises in `tidewheel.registry.store`."""

    @property
    def reader(self) -> BoundedReader: ...
    def parse(self, instrument: str, role: str, state: bytes) -> ModelPointer | None: ...
    def load_with_bytes(self, pointer: ModelPointer) -> LoadedModel: ...


class CopyStore(Protocol):
    """Where good models are kept against a restart without a registry."""

    def save(self, state: bytes, loaded: LoadedModel) -> None: ...


class Follower:
    """Used by the watcher's thread alone. Raises RegistryUnavailableError where the registry does not answer."""

    def __init__(
        self,
        source: Source,
        slots: ModelSlots,
        log: logging.Logger,
        clock: Callable[[], float],
        on_model_loaded: Callable[[], None],
        copies: CopyStore | None = None,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._tracer = tracer
        self._source = source
        self._slots = slots
        self._log = log
        self._clock = clock
        self._on_model_loaded = on_model_loaded
        self._copies = copies
        self._refused = RefusedModels(BACKOFF.pause_after)
        self._served_state: dict[str, bytes] = {}
        self._due: dict[str, tuple[bytes, ModelPointer]] = {}
        self._counted_versions: dict[str, deque[int]] = {}
        self._damage = ReportedFailures[str]()
        self._audited: list[str] = []
        self._resident_bytes = 0

    @property
    def is_behind(self) -> bool:
        """Whether models wait to be loaded."""
        return bool(self._due)

    def due(self) -> list[str]:
        """Instruments that were refused and are worth another look."""
        return self._refused.due(self._clock())

    def poll(self, instruments: Sequence[str], notified: bool = False) -> None:
        """Read their pointers and take what moved. `notified`: refused ones are tried at once."""
        if notified:
            for instrument in instruments:
                self._refused.retry_now(instrument, self._clock())
        states = self._source.reader.pointers(instruments, keys.CURRENT)
        for instrument, state in zip(instruments, states, strict=True):
            if self._served_state.get(instrument) == state:
                self._refused.forget(instrument)
                self._due.pop(instrument, None)
            elif self._refused.is_due(instrument, state, self._clock()):
                self._consider(instrument, state)
        self._load(instruments)

    def _consider(self, instrument: str, state: bytes) -> None:
        """Let a pointer wait to be loaded, unless it can be refused as it is."""
        serving = self._slots.get(instrument)
        try:
            pointer = self._source.parse(instrument, keys.CURRENT, state)
            if pointer is None:
                if serving is None:
                    return
                raise VerificationError(VerificationFailure.MISSING, "its pointer is gone")
            if serving is not None:
                check_follows(pointer, serving.pointer)
            self._due[instrument] = state, pointer
        except VerificationError as failure:
            self._due.pop(instrument, None)
            self._refuse(instrument, state, failure)

    def _load(self, first: Iterable[str]) -> None:
        """Those named first, then as many as there is time for."""
        end_s = self._clock() + LOAD_TURN_S
        order = [*(one for one in first if one in self._due), *self._due]
        for instrument in order:
            if instrument not in self._due:
                continue
            state, pointer = self._due[instrument]
            started_s = self._clock()
            try:
                loaded = self._source.load_with_bytes(pointer)
            except VerificationError as failure:
                self._refuse(instrument, state, failure, pointer.seq)
            else:
                self.take(state, ServingModel.of(pointer, loaded.model))
                duration_s = self._clock() - started_s
                record_swap_duration(duration_s, self._trace(pointer, duration_s) if self._tracer.on else None)
                if self._copies is not None:
                    self._copies.save(state, loaded)
            del self._due[instrument]
            if self._clock() > end_s:
                break

    def _trace(self, pointer: ModelPointer, duration_s: float) -> Exemplar | None:
        """A trace of its own, since a model may be loaded by many and long after: a link leads to its run."""
        context, end_ns = self._tracer.fresh(always=True), self._tracer.clock_ns()
        attributes: Attributes = {
            "tidewheel.instrument": pointer.instrument,
            "tidewheel.window": pointer.seq,
            "tidewheel.epoch": pointer.epoch,
        }
        links = [self._tracer.run(pointer.instrument, pointer.seq)]
        start_ns = end_ns - round(duration_s * NS_PER_S)
        self._tracer.record(Span("model swap", context, start_ns, end_ns, None, links, attributes))
        return exemplar(context)

    def take(self, state: bytes, model: ServingModel) -> None:
        """Serve a verified model from now on."""
        instrument, pointer = model.instrument, model.pointer
        before = self._slots.get(instrument)
        self._slots.put(model)
        self._served_state[instrument] = state
        self._refused.forget(instrument)
        self._damage.clear(instrument)
        if before is None:
            self._on_model_loaded()
        self._resident_bytes += model.resident_bytes - (before.resident_bytes if before else 0)
        record_resident_bytes(self._resident_bytes)
        record_swap(pointer, model.learnt_until_ns)
        self._drop_old_counters(instrument, pointer.seq)
        self._log.info(
            "serving model %d (epoch %d, sha256 %s…, evidence %s) of %s%s",
            *(pointer.seq, pointer.epoch, pointer.sha256[:12], pointer.evidence, instrument),
            f" after {before.seq} (epoch {before.epoch})" if before else "",
            extra=self._fields(instrument, pointer.seq),
        )

    def _drop_old_counters(self, instrument: str, seq: int) -> None:
        """Prometheus keeps every label value for ever, and versions come without end."""
        counted = self._counted_versions.setdefault(instrument, deque())
        if seq in counted:
            counted.remove(seq)
        counted.append(seq)
        if len(counted) > VERSIONS_COUNTED_MAX:
            forget_predictions(instrument, counted.popleft())

    def _refuse(self, instrument: str, state: bytes, failure: VerificationError, seq: int | None = None) -> None:
        record_swap_failure(instrument, failure.reason)
        if self._refused.note(instrument, (state, failure.reason), self._clock()):
            serving = self._slots.get(instrument)
            kept = f"model {serving.seq} serves on" if serving else "nothing serves yet"
            template, fields = "model %s of %s not taken, %s: %s", self._fields(instrument, seq or 0, failure.reason)
            self._log.error(template, seq or "?", instrument, kept, failure, extra=fields)

    def _fields(self, instrument: str, seq: int, reason: str = "") -> Fields:
        """Of a line about a model, with the trace of the run that made it."""
        run = self._tracer.run(instrument, seq) if self._tracer.on and seq else None
        more = {**({"reason": reason} if reason else {}), **(exemplar(run) or {})}
        return of_window(instrument, seq, **more) if seq else {"instrument": instrument, **more}

    def audit(self) -> None:
        """Compare some serving models with what lies in the registry now: whoever starts next would not get them."""
        if not self._audited:
            self._audited = self._slots.instruments()
        chosen = [self._audited.pop() for _ in range(min(AUDITED_EACH, len(self._audited)))]
        serving = [model for model in map(self._slots.get, chosen) if model is not None]
        states = self._source.reader.model_states([(model.instrument, model.seq) for model in serving])
        for model, state in zip(serving, states, strict=True):
            self._compare(model, state)

    def _compare(self, model: ServingModel, state: bytes) -> None:
        damage = None
        if not state:
            damage = VerificationFailure.SERVED_MISSING
        elif sha256_of(state[1:]) != model.sha256:
            damage = VerificationFailure.SERVED_CHANGED
        if damage is None:
            self._damage.clear(model.instrument)
        elif self._damage.is_new(model.instrument, damage):
            record_swap_failure(model.instrument, damage)
            self._log.error(
                "the serving model %d of %s is damaged in the registry (%s); it serves on, but a predictor that starts "
                "now would not get it: see `tidewheel models check`",
                *(model.seq, model.instrument, damage),
                extra=self._fields(model.instrument, model.seq, damage),
            )
