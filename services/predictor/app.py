"""The predictor: watcher, market reader and gRPC server around one engine, until it is to stop."""

import gc
import time
from collections.abc import Mapping
from pathlib import Path

from services.predictor.background import BackgroundWorkers
from services.predictor.core import PredictionEngine
from services.predictor.market.history import MarketViews
from services.predictor.market.market_reader import MarketReader
from services.predictor.models.model_copies import ModelCopies
from services.predictor.models.model_slot import ModelSlots
from services.predictor.models.watcher import Watcher
from services.predictor.open_inference import service as open_inference
from services.predictor.open_inference.kept_models import RegistryKeptModels
from services.predictor.rpc.call_traces import CallTraces
from services.predictor.rpc.methods import Answer
from services.predictor.server import PredictorServer, Service
from services.predictor.servicer import SERVICE, PredictorServicer, refusing
from services.predictor.settings import Settings
from services.predictor.traced_engine import TracedEngine
from services.predictor.trust.assessment import ProcedureRecords, TrustPolicy
from services.predictor.watch_model import WatchModel
from tidewheel.registry.store import Registry
from tidewheel.runtime.background import BackgroundThread
from tidewheel.runtime.process import Context

CHECK_INTERVAL_S = 0.5
# Methods whose messages hold many rows.
LARGE_METHODS = frozenset({"PredictBatch", "ModelInfer"})


def _services(
    servicer: PredictorServicer, engine: PredictionEngine, slots: ModelSlots, registry: Registry, watch: WatchModel
) -> tuple[Service, ...]:
    """Our own protocol and the open inference protocol, over one scoring core."""
    kept = RegistryKeptModels(registry)
    open_protocol = open_inference.OpenInference(engine, slots, kept, servicer.on_batch)
    return (
        Service(SERVICE, _refusing(servicer.methods()), {"WatchModel": watch}, LARGE_METHODS),
        Service(open_inference.SERVICE, _refusing(open_protocol.methods()), large=LARGE_METHODS),
    )


def _refusing(methods: Mapping[str, Answer]) -> Mapping[str, Answer]:
    return {name: refusing(answer) for name, answer in methods.items()}


def _engine(
    traces: CallTraces | None, slots: ModelSlots, markets: MarketViews, records: ProcedureRecords, policy: TrustPolicy
) -> PredictionEngine:
    if traces is None:
        return PredictionEngine(slots, markets, records, policy)
    return TracedEngine(traces, slots, markets, records, policy)


def run(settings: Settings, context: Context) -> None:
    """Serve until `context.stop` is set. Raises what a thread raised."""
    slots, markets = ModelSlots(), MarketViews()
    hmac_key = settings.signing_key
    registry = Registry.connect(settings.redis_access, hmac_key)
    traces = CallTraces(context.tracer) if context.tracer.on else None
    headers = traces.headers if traces is not None else None
    workers = BackgroundWorkers(settings, registry, slots, markets, context.log, time.time_ns, headers)
    engine = _engine(traces, slots, markets, workers.records, settings.trust)
    watch = WatchModel(engine, context.stop, settings.watchers_max)
    servicer = PredictorServicer(engine, time.time_ns, workers.served)
    server = PredictorServer(_services(servicer, engine, slots, registry, watch), settings, context.log, traces)

    def on_first_model() -> None:
        server.set_serving()
        context.health.ready()

    context.health.not_ready("no verified model yet")
    copies = ModelCopies(Path(settings.model_dir), hmac_key, context.log) if settings.model_dir else None
    watcher = Watcher(
        registry,
        slots,
        context.log,
        poll_s=settings.registry_poll_s,
        on_model_loaded=on_first_model,
        on_poll=context.health.heartbeat,
        copies=copies,
        tracer=context.tracer,
    )
    for state, model in copies.load() if copies else ():
        watcher.follower.take(state, model)
    context.log.info("gRPC on %s:%d, registry at %s", settings.grpc_host, server.port, registry.address)
    threads = [
        BackgroundThread("callers", server.watch_callers, context.stop).start(),
        BackgroundThread("watcher", watcher.run, context.stop).start(),
        BackgroundThread("market", MarketReader(settings.kafka_access, markets, context.log).run, context.stop).start(),
        *workers.start(context.stop),
    ]
    # What is there now stays: a full collection would look through all of it, and hold calls up for as long.
    gc.collect()
    gc.freeze()
    try:
        while not context.stop.wait(CHECK_INTERVAL_S):
            for thread in threads:
                thread.check()
    finally:
        context.stop.set()
        context.health.not_ready("stopping")
        server.drain(settings.drain_wait_s, settings.drain_grace_s)
        for thread in threads:
            thread.close()
        registry.close()
