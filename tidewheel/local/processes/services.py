"""How the five services are started on this machine: their commands and their TIDEWHEEL_* settings."""

import os
import signal
import sys
from collections.abc import Callable

from tidewheel.domain.feeds import SIMULATOR, joined_paths
from tidewheel.local.data_dir import DataDir
from tidewheel.local.monitoring.monitor import Addresses
from tidewheel.local.processes.ports import Ports
from tidewheel.local.processes.supervisor import ProcessSpec
from tidewheel.local.run_options import RunOptions
from tidewheel.registry.redis_access import access_of
from tidewheel.runtime.settings import PREFIX

INGEST = "ingest"
# In the order they are started, which is the order they are ended in too: the source first.
SERVICES = (INGEST, "orderbot", "labeler", "trainer", "predictor")
REDIS_USERS = ("trainer", "predictor")
# One process of each, under a name that stays: a killed one has its partitions back as soon as it is started again.
INSTANCES = dict.fromkeys(("orderbot", "labeler", "trainer"), "0")
# What moves the stream stands back: at full speed it takes whatever the machine has, and then a window that has closed
# would wait for its model behind the rows of windows to come.
STREAM = (INGEST, "orderbot", "labeler")
STREAM_NICENESS = 10
# One thread: the same sums in the same order, and the other core stays free for the rest of the system.
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def run_settings(options: RunOptions) -> dict[str, dict[str, str]]:
    """Service -> what of its settings the options of a run decide, as text."""
    feed = {
        "FEED": str(options.feed),
        "INSTRUMENT": options.symbol,
        "SPEED": options.speed,
        "ORDERS_PER_SECOND": str(options.orders_per_second),
    }
    if options.feed.kind == SIMULATOR:
        feed |= {
            "SIM_SEED": str(options.sim_seed),
            "SIM_EDGE": f"{options.sim_edge:g}",
            "SIM_FLIP_S": str(options.sim_flip_s),
        }
    if options.warm_up:
        feed |= {"WARM_UP": joined_paths(options.warm_up)}
    feed |= dict(options.reading)
    rule = {
        "THRESHOLD": str(options.threshold),
        "ORDERS_PER_SECOND": str(options.orders_per_second),
    }
    labels = {"EXIT_ON": options.exit_on}
    if options.max_holding is not None:
        labels["MAX_HOLDING_S"] = f"{options.max_holding:g}"
    training = {
        "WINDOW": str(options.window),
        "STEP": str(options.step),
        "TRIALS": str(options.trials),
        "MEMORY": str(options.memory),
        "PROMOTION": options.promotion,
        "EXIT_ON": options.exit_on,
    }
    return {
        INGEST: as_environment(feed),
        "orderbot": as_environment(rule),
        "labeler": as_environment(labels),
        "trainer": as_environment(training),
        "predictor": {},
    }


def as_environment(values: dict[str, str]) -> dict[str, str]:
    """Settings under the names of their variables."""
    return {f"{PREFIX}{name}": value for name, value in values.items()}


def settings(options: RunOptions, addresses: Addresses, ports: Ports) -> dict[str, dict[str, str]]:
    """Service -> its settings as text."""
    host, _, port = addresses.predictor.rpartition(":")
    own = run_settings(options)
    more = {name: {"KAFKA": str(addresses.kafka), "METRICS_PORT": str(ports.metrics[name])} for name in SERVICES}
    for name in REDIS_USERS:
        more[name]["REDIS"] = access_of(addresses.redis).url
    for name, instance in INSTANCES.items():
        more[name]["INSTANCE"] = instance
    # No balancer stands before it.
    more["predictor"] |= {"GRPC_HOST": host, "GRPC_PORT": port, "DRAIN_WAIT_S": "0"}
    return {name: own[name] | as_environment(more[name]) for name in SERVICES}


def _locks_of_others(addresses: Addresses) -> tuple[str, ...]:
    """What the settings begin with that open the locks of given servers: a run's own servers have none."""
    secured = ((f"{PREFIX}KAFKA_", addresses.kafka), (f"{PREFIX}REDIS_", addresses.redis))
    return tuple(beginning for beginning, server in secured if isinstance(server, str))


def service_specs(
    options: RunOptions,
    addresses: Addresses,
    ports: Ports,
    data: DataDir,
    needs: tuple[str, ...],
    feed_is_done: Callable[[], bool],
) -> list[ProcessSpec]:
    """What the supervisor runs beside the servers. Settings of the caller's environment that a run does not set
    itself pass through."""
    own = settings(options, addresses, ports)
    files = {"PLACE_FILE": str(data.reading_place)}
    if options.feed.kind == SIMULATOR:
        files["SIM_EVENTS_FILE"] = str(data.market_events)
    place = as_environment(files)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_locks_of_others(addresses))}
    return [
        ProcessSpec(
            name=name,
            command=lambda name=name: [sys.executable, "-m", f"services.{name}"],  # type: ignore[misc]
            log=data.log(name),
            env={**environ, **ONE_THREAD, **(place if name == INGEST else {}), **own[name]},
            needs=needs,
            parent_death_signal=signal.SIGKILL,  # a start is a recovery, so nothing is lost
            done_when=feed_is_done if name == INGEST else lambda: False,
            niceness=STREAM_NICENESS if name in STREAM else 0,
        )
        for name in SERVICES
    ]
