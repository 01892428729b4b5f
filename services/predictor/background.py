"""Background workers: the procedure's records, the candidates, the log of what was served, parity."""

import logging
import threading
from collections.abc import Callable

from services.predictor.market.history import MarketViews
from services.predictor.models.model_slot import ModelSlots
from services.predictor.served.parity_reader import ParityReader
from services.predictor.served.served_log import ServedLog
from services.predictor.served.shadow import Candidates
from services.predictor.served.shadow_watcher import ShadowWatcher
from services.predictor.settings import Settings
from services.predictor.trust.assessment import ProcedureRecords
from services.predictor.trust.procedure_watcher import ProcedureWatcher
from tidewheel.registry.store import Registry
from tidewheel.runtime.background import BackgroundThread
from tidewheel.telemetry.tracing.context import Headers


class BackgroundWorkers:
    """The threads and what they share with calls: made before the server, which hands its answers to `served`; no call
    waits for any of it."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        slots: ModelSlots,
        markets: MarketViews,
        log: logging.Logger,
        clock_ns: Callable[[], int],
        headers: Callable[[], Headers | None] | None = None,
    ) -> None:
        """`clock_ns`: the wall clock. `headers`: of the call in hand, where traces are on."""
        self.records = ProcedureRecords()
        candidates = Candidates()
        self.served = ServedLog(settings.kafka_access, settings.sample_rates, candidates.get, log, headers=headers)
        shadow = ShadowWatcher(registry, slots, candidates, log)
        procedure = ProcedureWatcher(
            registry,
            slots,
            markets,
            self.records,
            log,
            poll_s=settings.registry_poll_s,
            clock_ns=clock_ns,
            on_poll=shadow.poll_once,
        )
        self._readers = [("records", procedure.run)]
        if settings.parity_check:
            self._readers.append(("parity", ParityReader(settings.kafka_access, markets, log).run))
        # Ends after the last call, so that what is answered on the way out is written too.
        self._log_stop = threading.Event()

    def start(self, stop: threading.Event) -> list[BackgroundThread]:
        """The threads, started; they end with `stop`, and the log of what was served when it is closed."""
        readers = [BackgroundThread(name, run, stop).start() for name, run in self._readers]
        return [*readers, BackgroundThread("served", self.served.run, self._log_stop).start()]
