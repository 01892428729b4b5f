"""The predictor: watcher, market reader and gRPC server around one handler, until it is to stop."""

from services.predictor.core import Handler
from services.predictor.history import MarketViews
from services.predictor.market_reader import MarketReader
from services.predictor.model_slot import ModelSlots
from services.predictor.server import PredictorServer
from services.predictor.servicer import PredictorServicer
from services.predictor.settings import Settings
from services.predictor.watcher import Watcher
from services.predictor.worker import Worker
from tidewheel.registry.store import Registry
from tidewheel.runtime.process import Context

CHECK_INTERVAL_S = 0.5
# The threads are daemons: one that hangs in a call does not keep the process alive.
JOIN_TIMEOUT_S = 3.0


def run(settings: Settings, context: Context) -> None:
    """Serve until `context.stop` is set. Raises what a thread raised."""
    slots, markets = ModelSlots(), MarketViews()
    registry = Registry.connect(settings.redis, settings.hmac_key.encode() or None)
    server = PredictorServer(PredictorServicer(Handler(slots, markets), context.log), settings)

    def on_first_model() -> None:
        server.set_serving()
        context.health.ready()

    context.health.not_ready("no verified model yet")
    watcher = Watcher(
        registry,
        slots,
        context.log,
        poll_s=settings.registry_poll_s,
        on_model_loaded=on_first_model,
        on_poll=context.health.heartbeat,
    )
    context.log.info("gRPC on %s:%d, registry at %s", settings.grpc_host, server.port, registry.address)
    workers = [
        Worker("watcher", watcher.run, context.stop),
        Worker("market", MarketReader(settings.kafka, markets, context.log).run, context.stop),
    ]
    try:
        while not context.stop.wait(CHECK_INTERVAL_S):
            for worker in workers:
                worker.check()
    finally:
        context.stop.set()
        context.health.not_ready("stopping")
        server.drain(settings.drain_wait_s, settings.drain_grace_s)
        for worker in workers:
            worker.join(JOIN_TIMEOUT_S)
        registry.close()
