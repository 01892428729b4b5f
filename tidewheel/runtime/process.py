"""The life of a service process: settings, log, health, signals, exit code. One path for all five."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tidewheel.domain.errors import TidewheelError
from tidewheel.runtime import kafka
from tidewheel.runtime.background import BackgroundThread
from tidewheel.runtime.broker_monitor import BrokerMonitor
from tidewheel.runtime.health import Health, HealthServer
from tidewheel.runtime.kafka_access import Broker, KafkaAccess
from tidewheel.runtime.kafka_refusals import await_admission
from tidewheel.runtime.secret_files import SecretFileError
from tidewheel.runtime.settings import SettingsError, described, load
from tidewheel.runtime.telemetry_settings import TelemetrySettings
from tidewheel.telemetry import logs
from tidewheel.telemetry.tracing.tracer import NO_TRACES, Tracer

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_BAD_SETTINGS = 2
EXIT_UNRECOVERABLE = 3
# For the last spans; a collector that is away gets none.
LAST_SPANS_S = 1.0


class FatalError(TidewheelError):
    """The service cannot go on, for a reason a person can mend; the message is one clear line."""


class UnrecoverableError(FatalError):
    """A FatalError that starting again does not change, such as a file that is no market."""


class CommonSettings(Protocol):
    """What every service's settings have."""

    @property
    def kafka_access(self) -> KafkaAccess: ...
    @property
    def metrics_host(self) -> str: ...
    @property
    def metrics_port(self) -> int: ...
    @property
    def log_level(self) -> str: ...


S = TypeVar("S", bound=CommonSettings)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """What a service's `run` gets besides its settings. `stop` is set by SIGTERM and SIGINT."""

    log: logging.Logger
    health: Health
    stop: threading.Event
    tracer: Tracer = NO_TRACES


def settings_of(settings_type: type[T]) -> T:
    """Settings of something that is no service, from the environment. Raises SettingsError."""
    return load(settings_type, os.environ)


def main(
    service: str,
    settings_type: type[S],
    run: Callable[[S, Context], None],
    group: str = "",
    *,
    needs_kafka: bool = True,
) -> int:
    """Run a service to its end and return the exit code. `group`: the consumer group that it reads as, if it does.
    `needs_kafka`: nothing is begun while a Kafka that has a lock lets us not in.

    `run` returns when its work is done or `stop` is set. What it raises is a crash: one line for FatalError, a
    traceback for anything else; starting again is the recovery, but for UnrecoverableError, with its own exit code.
    """
    try:
        settings = settings_of(settings_type)
        telemetry, unusable = TelemetrySettings.of(os.environ)
    except SettingsError as failure:
        sys.stderr.write(f"tidewheel {service}: " + f"\ntidewheel {service}: ".join(str(failure).splitlines()) + "\n")
        return EXIT_BAD_SETTINGS
    log = logs.configure(service, settings.log_level, telemetry.log_format)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    health = Health(service)
    try:
        server = HealthServer(health, settings.metrics_port, settings.metrics_host)
    except OSError as failure:
        where = (settings.metrics_port, settings.metrics_host)
        log.error("the metrics port %d on %s cannot be used: %s", *where, failure.strerror)
        return EXIT_FAILED
    log.info("starting: %s %s; metrics on port %d", described(settings), described(telemetry), server.port)
    for fault in unusable:
        log.warning("%s", fault)
    tracer = telemetry.tracer(service, log)
    monitor: BackgroundThread | None = None
    try:
        if needs_kafka and not settings.kafka_access.is_open:
            access = settings.kafka_access
            await_admission(access, lambda: kafka.client(access, service), health, stop)
        monitor = _broker_monitor(service, settings.kafka_access, group, log)
        if not stop.is_set():
            run(settings, Context(log, health, stop, tracer))
    except SecretFileError as failure:
        log.error("a secret is gone: %s", failure)
        return EXIT_BAD_SETTINGS
    except FatalError as failure:
        log.error("%s", failure)
        return EXIT_UNRECOVERABLE if isinstance(failure, UnrecoverableError) else EXIT_FAILED
    except Exception:
        log.exception("crashed")
        return EXIT_FAILED
    finally:
        server.close()
        if monitor is not None:
            monitor.close()
        BackgroundThread("traces", lambda _: tracer.close()).start().ended(LAST_SPANS_S)
    log.info("stopped")
    return EXIT_OK


def _broker_monitor(service: str, bootstrap: Broker, group: str, log: logging.Logger) -> BackgroundThread | None:
    if not group:
        return None
    return BackgroundThread("broker", BrokerMonitor(service, bootstrap, group, log).run).start()
