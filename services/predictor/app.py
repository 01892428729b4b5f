"""The predictor: watcher, market reader and gRPC server around one handler, until it is to stop."""

import time
from pathlib import Path

from services.predictor.companions import Companions
from services.predictor.core import Handler
from services.predictor.history import MarketViews
from services.predictor.market_reader import MarketReader
from services.predictor.model_copies import ModelCopies
from services.predictor.model_slot import ModelSlots
from services.predictor.server import PredictorServer
from services.predictor.servicer import STATUS_CODES, PredictorServicer
from services.predictor.settings import Settings
from services.predictor.watch_model import WatchModel
from services.predictor.watcher import Watcher
from tidewheel.registry.store import Registry
from tidewheel.runtime.background import BackgroundThread
from tidewheel.runtime.process import Context

CHECK_INTERVAL_S = 0.5


def run(settings: Settings, context: Context) -> None:
    """Serve until `context.stop` is set. Raises what a thread raised."""
    slots, markets = ModelSlots(), MarketViews()
    hmac_key = settings.hmac_key.encode() or None
    registry = Registry.connect(settings.redis, hmac_key)
    companions = Companions(settings, registry, slots, markets, context.log, time.time_ns)
    handler = Handler(slots, markets, companions.records, settings.trust)
    streams = {"WatchModel": WatchModel(handler, context.stop, settings.watchers_max, STATUS_CODES.__getitem__)}
    servicer = PredictorServicer(handler, context.log, clock_ns=time.time_ns, served=companions.served, streams=streams)
    server = PredictorServer(servicer, settings)

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
        keep=copies,
    )
    for state, model in copies.load() if copies else ():
        watcher.follower.take(state, model)
    context.log.info("gRPC on %s:%d, registry at %s", settings.grpc_host, server.port, registry.address)
    threads = [
        BackgroundThread("watcher", watcher.run, context.stop).start(),
        BackgroundThread("market", MarketReader(settings.kafka, markets, context.log).run, context.stop).start(),
        *companions.start(context.stop),
    ]
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
