"""`tidewheel watch`: the live view of a system that runs elsewhere, or of what it left. Changes nothing."""

import os
import time
from pathlib import Path

from confluent_kafka import KafkaException

from tidewheel.domain.windows import Windowing
from tidewheel.local.clock import steady_s, wall_ns
from tidewheel.local.display import display, redirect_stderr
from tidewheel.local.monitoring.monitor import Addresses, Monitor
from tidewheel.local.monitoring.probe import ServedLog
from tidewheel.local.processes.health_poller import HealthPoller
from tidewheel.local.processes.signals import ForcedStop, Interrupts, handle_signals
from tidewheel.local.servers.run_servers import check_external_redis
from tidewheel.local.system import FRAME_EVERY_S, file_log
from tidewheel.local.view.frame import ProcessStatus
from tidewheel.registry.redis_access import RedisServer
from tidewheel.runtime.process import EXIT_OK, FatalError

REDIS_EVERY_S = 2.0
NO_PREDICTOR = "ended"


def watch(addresses: Addresses, instrument: str | None, windowing: Windowing | None) -> int:
    """Show the system until Ctrl-C. Raises FatalError where no broker answers."""
    with handle_signals() as interrupts, redirect_stderr(Path(os.devnull)):
        monitor = Monitor(
            addresses, ServedLog(None), file_log(Path(os.devnull)), instrument=instrument, windowing=windowing
        )
        try:
            monitor.start()
            _show(monitor, addresses, interrupts)
        except KafkaException as failure:
            raise FatalError(f"Kafka at {addresses.kafka} cannot be watched: {failure.args[0].str()}") from failure
        except (ForcedStop, BrokenPipeError):
            pass
        finally:
            monitor.close()
    return EXIT_OK


def _show(monitor: Monitor, addresses: Addresses, interrupts: Interrupts) -> None:
    view = display(wall_ns())
    started_s = steady_s()
    ends = "the view only" if addresses.predictor else "the view and the servers it was given"
    footer = f" Ctrl-C ends {ends}. predictor {addresses.predictor or NO_PREDICTOR}  kafka {addresses.kafka}"
    health = HealthPoller({"redis": lambda: _redis_answer(addresses.redis)}, every_s=REDIS_EVERY_S)
    health.reset("redis")
    health.background.start()
    try:
        while not interrupts.asked:
            monitor.check()
            now_s = steady_s()
            monitor.sample(now_s)
            title = _title(monitor.names())
            processes = _processes(monitor, health, addresses)
            frame = monitor.frame(title, footer, now_s - started_s, processes, view.messages())
            view.show(frame, monitor.lock)
            time.sleep(FRAME_EVERY_S)
    finally:
        view.close()
        health.background.close()


def _title(names: list[str]) -> str:
    if len(names) > 1:
        return f"{len(names)} instruments"
    return names[0] if names else "no instrument yet"


def _processes(monitor: Monitor, health: HealthPoller, addresses: Addresses) -> list[ProcessStatus]:
    """What can be seen from outside."""
    silent = "no answer yet" if addresses.predictor else NO_PREDICTOR
    predictor = "ready" if monitor.probe.count and not monitor.probe.last_error else silent
    return [
        ProcessStatus("kafka", "ready" if monitor.progress.rounds else "no answer yet"),
        ProcessStatus("redis", "ready" if health.is_ready("redis") else "no answer yet"),
        ProcessStatus("predictor", predictor),
    ]


def _redis_answer(server: RedisServer) -> tuple[bool, str]:
    try:
        check_external_redis(server)
    except FatalError as failure:
        return False, str(failure)
    return True, "ready"
