"""Processes of all five services on the world's broker and registry: the real shells, started as their mains start
them."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from random import Random
from typing import Any, cast

from services.labeler.app import build_loop
from services.labeler.settings import Settings as LabelerSettings
from services.predictor.core import PredictionEngine
from services.predictor.market.history import MarketViews
from services.predictor.market.market_reader import MarketReader
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.models.watcher import Watcher
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from services.trainer.app import Dependencies, TrainerApp
from services.trainer.promotion.gate import Promotion
from services.trainer.settings import Settings as TrainerSettings
from tests.simulation import fake_learner
from tests.simulation.broker import Broker
from tests.simulation.clients import clients
from tests.simulation.ingests import ingest
from tests.simulation.inputs import SETTINGS, ExpectedMarket
from tests.simulation.orderbots import orderbot
from tests.simulation.redis_memory import SimRedis, Store
from tests.simulation.simulator import SimProcess, Simulator
from tidewheel.registry.store import Registry
from tidewheel.runtime.health import Health
from tidewheel.runtime.process import Context
from tidewheel.telemetry.tracing.tracer import NO_TRACES, Record, Tracer

LOG = logging.getLogger("simulation")
WINDOW = 24
MEMORY = 3  # fewer than there are windows


class SimEvent:
    """Stands for a threading.Event: waiting lets the others go on."""

    def __init__(self, process: SimProcess, *, asked: bool) -> None:
        self._process = process
        self._asked = asked
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set or (self._asked and self._process.stopping)

    def wait(self, timeout: float | None = None) -> bool:
        self._process.idle(timeout or 0.0)
        return self.is_set()


class SimThreadExecutor:
    """An executor whose thread is one more strand of its process."""

    def __init__(self, process: SimProcess) -> None:
        self._process = process
        self._open: list[Future[Any]] = []

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._open.append(future)

        def body() -> None:
            try:
                future.set_result(call(*args))
            except Exception as failure:
                future.set_exception(failure)

        self._process.run(body)
        return future

    def shutdown(self, wait: bool = True) -> None:
        while wait and not all(future.done() for future in self._open):
            self._process.idle(0.1)


class System:
    """All that a run's processes share. `settings` of the shells are drawn once a run."""

    def __init__(
        self, chance: Random, broker: Broker, store: Store, markets: list[ExpectedMarket], promotion: Promotion
    ) -> None:
        self.broker = broker
        self.store = store
        self.markets = markets
        self.poison: dict[tuple[str, int, int], bytes | None] = {}  # topic, partition, offset of unreadable records
        self.repeats: set[tuple[str, int, int]] = set()  # topic, partition, offset of records that were written again
        self.served: dict[tuple[str, str], list[ServingModel]] = {}  # by predictor and instrument, one after the other
        self.views: dict[str, MarketViews] = {}  # by predictor
        self._chance = chance
        self._commit_ms = chance.choice((1, 1, 20, 300))
        self._commit_records = chance.choice((30, 300, 50_000))
        self._batch = chance.choice((5, 40, 200))
        self._step = chance.choice((0, 0, WINDOW // 2))
        self._named = chance.random() < 0.5
        self.promotion = promotion
        self.record: Record | None = None  # who takes spans, where traces are on

    def factories(self, simulator: Simulator) -> dict[str, Callable[[SimProcess], None]]:
        """By kind of role, how a process of it begins."""
        self.simulator = simulator
        bodies = {
            "ingest": self._ingest,
            "orderbot": self._orderbot,
            "labeler": self._labeler,
            "trainer": self._trainer,
            "predictor": self._predictor,
        }
        return {kind: lambda process, body=body: process.run(lambda: body(process)) for kind, body in bodies.items()}

    def _clients(self, process: SimProcess) -> Any:
        made = clients(self.broker, process, self._chance)

        def consumer(config: Any) -> Any:
            one = made.consumer(config)
            process.consumers.append(cast(Any, one))
            process.session_timeout_callbacks.append(cast(Any, one).session_ends)
            return one

        def producer(config: Any) -> Any:
            one = made.producer(config)
            process.session_timeout_callbacks.append(cast(Any, one).transaction_expires)
            return one

        return type(made)(consumer, producer, made.admin)

    def _context(self, process: SimProcess) -> Context:
        kind = process.role.partition("-")[0]
        tracer = Tracer(kind, self.record, 1.0, lambda: round(self.simulator.now_s * 1e9)) if self.record else NO_TRACES
        return Context(LOG, Health(kind, clock=self._now), cast(Any, SimEvent(process, asked=True)), tracer)

    def _now(self) -> float:
        return self.simulator.now_s

    def _ingest(self, process: SimProcess) -> None:
        market = self.markets[int(process.role.partition("-")[2])]
        ingest(market, self._context(process), self._clients(process), self._chance)
        if not process.stopping:
            self.simulator.ended.add(process.role)

    def _orderbot(self, process: SimProcess) -> None:
        name = f"tidewheel-{process.role}" if self._named else ""
        orderbot(self._context(process), self._clients(process), self._chance, name)

    def _labeler(self, process: SimProcess) -> None:
        settings = LabelerSettings(
            kafka="simulated",
            instance=process.role.partition("-")[2],
            commit_interval_ms=self._commit_ms,
            commit_records_max=self._commit_records,
        )
        context = self._context(process)
        more = {"clock": self._now, "watchdog": at_once, "batch_records_max": self._batch}
        loop, _ = build_loop(settings, context, self._clients(process), **more)
        loop.run(context.stop)

    def _trainer(self, process: SimProcess) -> None:
        settings = TrainerSettings(
            kafka="simulated",
            window=WINDOW,
            step=self._step,
            memory=MEMORY,
            trials=1,
            promotion=self.promotion,
            instance="0" if self._named else "",
        )
        dependencies = Dependencies(
            self._clients(process),
            Registry(SimRedis(self.store, process), "memory"),
            cast(Executor, SimThreadExecutor(process)),
            cast(Any, SimEvent(process, asked=False)),
            fake_learner.train_candidate,
            lambda: round(self.simulator.now_s * 1e9),
        )
        service = TrainerApp(settings, self._context(process), dependencies)
        try:
            service.run()
        finally:
            service.close()

    def _predictor(self, process: SimProcess) -> None:
        slots, views = ModelSlots(), MarketViews()
        context = self._context(process)
        reader = MarketReader("simulated", views, context.log, self._clients(process))
        process.run(lambda: reader.run(context.stop))
        self.views[process.name] = views
        registry = Registry(SimRedis(self.store, process), "memory")
        watcher = Watcher(registry, slots, LOG, clock=self._now, tracer=context.tracer)
        while not process.stopping:
            watcher.poll_once()
            for name in slots.instruments():
                serving = slots.get(name)
                seen = self.served.setdefault((process.name, name), [])
                if serving is not None and seen[-1:] != [serving]:
                    seen.append(serving)
            process.idle(1.0)

    @property
    def predictors(self) -> list[str]:
        """The processes that serve at the end."""
        return [process.name for process in self.simulator.processes if process.role.startswith("predictor")]

    def recovers(self) -> bool:
        """Whether a predictor that lost the broker has not come back to the market yet: nobody else sees that."""
        return any(self.views[who].unavailable is not None for who in self.predictors if who in self.views)

    def row_now(self, who: str, instrument: str) -> bytes | None:
        """What PredictNow scores at a predictor, as float32; None: it knows too little of the market. Raises
        PredictionRefusedError where it refuses for another reason."""
        try:
            view = PredictionEngine(ModelSlots(), self.views[who]).complete_view(instrument)
        except PredictionRefusedError as refused:
            if refused.reason is not RefusalReason.NO_HISTORY:
                raise
            return None
        return bytes(view.row(view.bid_e9, view.offer_e9).tobytes())

    @property
    def windowing(self) -> tuple[int, int]:
        return WINDOW, self._step or WINDOW

    @property
    def memory(self) -> int:
        return MEMORY

    def version(self) -> int:
        """Counts everything that changes what anyone may see."""
        return self.broker.version + self.store.version


def at_once(call: Callable[[], None], heartbeat: Callable[[], None]) -> None:
    """For the watchdog: calls of the broker in memory do not hang."""
    call()


assert SETTINGS.exit_on == "bid", "the labeler is started with its default settings"
