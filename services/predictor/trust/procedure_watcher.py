"""Follows what the registry says of an instrument's models on later rows, beside the serving models and not in their
way.

A scorecard comes right before the next model is published. So the last records are read when a pointer has moved, and
the few newest ones now and then, since a rollback or a run without a model moves no pointer. What cannot be used is
counted, and the last good record stands.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from services.predictor.market.history import MarketViews
from services.predictor.metrics import record_ages, record_procedure_record_failure
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.trust.assessment import RECORDS_READ, ProcedureRecord, ProcedureRecords
from tidewheel.domain.models import ModelPointer, ModelRecord
from tidewheel.domain.time import NS_PER_S
from tidewheel.registry.store import Registry, RegistryUnavailableError, VerificationError
from tidewheel.telemetry.reported_failures import ReportedFailures

REREAD_S = 10.0
REREAD_RECORDS = 3


@dataclass(slots=True)
class _Known:
    """Of one instrument: the last records by window, the pointer at which they were read, when to look again."""

    records: dict[int, ModelRecord] = field(default_factory=dict)
    pointer: ModelPointer | None = None
    next_read_s: float = 0.0


class ProcedureWatcher:
    """One thread runs it; it writes ProcedureRecords."""

    def __init__(
        self,
        registry: Registry,
        slots: ModelSlots,
        markets: MarketViews,
        records: ProcedureRecords,
        log: logging.Logger,
        *,
        poll_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        clock_ns: Callable[[], int] = lambda: 0,
        on_poll: Callable[[], None] = lambda: None,
    ) -> None:
        """`clock_ns`: the wall clock, 0 where there is none. `on_poll`: called with each look."""
        self._registry = registry
        self._slots = slots
        self._markets = markets
        self._records = records
        self._log = log
        self._poll_s = poll_s
        self._clock = clock
        self._clock_ns = clock_ns
        self._on_poll = on_poll
        self._known: dict[str, _Known] = {}
        self._failures = ReportedFailures[str]()

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        while not stop.wait(self._poll_s):
            self.poll_once()

    def poll_once(self) -> None:
        """Read what may have changed."""
        self._on_poll()
        for instrument in self._slots.instruments():
            serving = self._slots.get(instrument)
            if serving is None:
                continue
            try:
                self._sync(serving)
            except RegistryUnavailableError:
                pass  # the watcher of the pointers tells
            except Exception as failure:  # whatever lies in Redis concerns this instrument only
                self._fail(instrument, failure)
            self._record_ages(serving)

    def _sync(self, serving: ServingModel) -> None:
        instrument, now_s = serving.instrument, self._clock()
        known = self._known.setdefault(instrument, _Known())
        moved = known.pointer != serving.pointer
        if not moved and now_s < known.next_read_s:
            return
        known.next_read_s = now_s + REREAD_S
        found = self._registry.records(instrument, RECORDS_READ if moved else REREAD_RECORDS)
        readable, failures = _usable(found)
        merged = {**known.records, **readable}
        newest = {seq: merged[seq] for seq in sorted(merged, reverse=True)[:RECORDS_READ]}
        if newest != known.records or known.pointer is None:
            self._records.put(instrument, ProcedureRecord.of(list(newest.values())))
        known.records, known.pointer = newest, serving.pointer
        if failures:
            self._fail(instrument, failures[0])
        else:
            self._failures.clear(instrument)

    def _fail(self, instrument: str, failure: Exception) -> None:
        record_procedure_record_failure(instrument)
        if self._failures.is_new(instrument, str(failure)):
            self._log.error("what is known of the models of %s is not used: %s", instrument, failure)

    def _record_ages(self, serving: ServingModel) -> None:
        view = self._markets.get(serving.instrument)
        if view is not None:
            model_age_ns = (view.second + 1) * NS_PER_S - serving.learnt_until_ns
            record_ages(serving.instrument, model_age_ns, view.age_ns(self._clock_ns()))


def _usable(found: Iterable[ModelRecord | VerificationError]) -> tuple[dict[int, ModelRecord], list[Exception]]:
    """The records by window, without those that cannot be read or be true; and why not."""
    usable: dict[int, ModelRecord] = {}
    failures: list[Exception] = []
    for one in found:
        if isinstance(one, VerificationError):
            failures.append(one)
            continue
        try:
            ProcedureRecord.of([one])
        except (ValueError, ArithmeticError) as failure:
            failures.append(failure)
        else:
            usable[one.seq] = one
    return usable, failures
