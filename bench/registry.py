"""How soon a predictor serves what was published where very many instruments are known: by polling alone, and woken by
the registry's notifications; and what a predictor of a hundred instruments holds in memory."""

import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import redis

from bench.harness import Servers, Service, Size, service, spread_ms, until
from services.predictor.models.model_slot import ModelSlots
from services.predictor.models.watcher import Watcher
from tests.synthetic_models import make_row, published
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.registry import keys
from tidewheel.registry.store import Notifications, Publication, Registry, RegistryUnavailableError

KNOWN = {Size.SMOKE: 500, Size.FULL: 50_000}
WITH_MODEL = {Size.SMOKE: 50, Size.FULL: 2_000}
SWAPS = {Size.SMOKE: 5, Size.FULL: 60}
RESIDENT_INSTRUMENTS = {Size.SMOKE: 10, Size.FULL: 100}
NAMES_EACH = 5_000
LOOK_EVERY_S = 0.001
ALONE_PAUSE_S = 0.37  # so that publications meet every phase of a poll
POLL_S = 1.0


class Deaf(Registry):
    """A registry whose notifications nobody hears."""

    def notifications(self) -> Notifications:
        raise RegistryUnavailableError("no notifications here")


def run(size: Size, servers: Servers) -> dict[str, Any]:
    resident_mib = resident(servers, RESIDENT_INSTRUMENTS[size])
    names = [f"sim:I{number}" for number in range(KNOWN[size])]
    with_model = names[:: KNOWN[size] // WITH_MODEL[size]]
    fill(servers.redis, names, with_model)
    with closing(Registry.connect(servers.redis)) as registry:
        polled, started_s = swaps(registry, Deaf.connect(servers.redis), with_model, SWAPS[size], 2, ALONE_PAUSE_S)
        woken, _ = swaps(registry, Registry.connect(servers.redis), with_model, SWAPS[size], 2 + SWAPS[size], 0.0)
    digest = sha256("".join(with_model).encode() + make_row(FEATURE_COUNT).tobytes())
    return {
        "instruments_known": KNOWN[size],
        "instruments_with_model": len(with_model),
        "swaps": SWAPS[size],
        "poll_s": POLL_S,
        "first_models_loaded_s": round(started_s, 1),
        "published_to_served_by_polling_ms": spread_ms(polled),
        "published_to_served_woken_ms": spread_ms(woken),
        f"resident_mib_with_{RESIDENT_INSTRUMENTS[size]}_instruments": round(resident_mib, 1),
        "result_hash": digest.hexdigest()[:16],
    }


def fill(url: str, names: list[str], with_model: list[str]) -> None:
    """All names are known, some have a model."""
    with closing(Registry.connect(url)) as registry:
        for name in with_model:
            assert registry.publish(*published(1, name)) is Publication.PUBLISHED
    with redis.Redis.from_url(url) as raw:
        for first in range(0, len(names), NAMES_EACH):
            raw.sadd(keys.INSTRUMENTS, *names[first : first + NAMES_EACH])


@contextmanager
def watched(registry: Registry, slots: ModelSlots) -> Iterator[None]:
    """A watcher on a thread, as a predictor has one."""
    stop = threading.Event()
    log = logging.getLogger("bench")
    log.setLevel(logging.CRITICAL)
    thread = threading.Thread(target=Watcher(registry, slots, log, poll_s=POLL_S).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        registry.close()


def swaps(
    publisher: Registry, registry: Registry, names: list[str], count: int, first_seq: int, pause_s: float
) -> tuple[list[float], float]:
    """Seconds from a publication to its model serving, for so many of them on instruments in turn; and how long the
    first models took."""
    slots, taken = ModelSlots(), []
    started_s = time.perf_counter()
    with watched(registry, slots):
        until(lambda: slots.registry_seen and len(slots.instruments()) == len(names), "the first models")
        first_models_s = time.perf_counter() - started_s
        for number in range(count):
            name, seq = names[number * 7 % len(names)], first_seq + number
            model, record = published(seq, name)
            time.sleep(pause_s)
            published_s = time.perf_counter()
            assert publisher.publish(model, record) is Publication.PUBLISHED
            while (serving := slots.get(name)) is None or serving.seq != seq:
                time.sleep(LOOK_EVERY_S)
            taken.append(time.perf_counter() - published_s)
    return taken, first_models_s


def resident(servers: Servers, count: int) -> float:
    """MiB that a predictor process holds which serves so many instruments."""
    names = [f"sim:R{number}" for number in range(count)]
    fill(servers.redis, names, names)
    env = {"TIDEWHEEL_KAFKA": servers.kafka, "TIDEWHEEL_REDIS": servers.redis, "TIDEWHEEL_GRPC_PORT": "0"}
    with (
        tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as folder,
        service("predictor", Path(folder), env) as predictor,
    ):
        until(lambda: all(serves(predictor, name) for name in names), "all models")
        mib = psutil.Process(predictor.pid).memory_info().rss / 2**20
    with redis.Redis.from_url(servers.redis) as raw:
        raw.flushdb()
    return mib


def serves(predictor: Service, name: str) -> bool:
    return predictor.gauge("tidewheel_model_seq", name) == 1
