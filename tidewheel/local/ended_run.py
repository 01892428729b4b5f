"""The servers of a run for a command that reads what it left: those that run still, or its own, started for the moment.

A log may be larger than the disk has room for twice, so the broker is started on the log itself, with all turned off
that would delete, compact or forget; it adds nothing to a topic but the end of a transaction that a kill left open.
Redis is small, and a copy of it is served.
"""

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidewheel.local.data_dir import COMMAND, DataDir, InUseError
from tidewheel.local.processes.ports import KAFKA_CONTROLLER_PORT, KAFKA_PORT, REDIS_PORT, PortClaims
from tidewheel.local.processes.signals import Interruption, signals_interrupt
from tidewheel.local.processes.subprocesses import StartError, kill_group
from tidewheel.local.servers.jars import SetupError
from tidewheel.local.servers.kafka import LocalKafka, start_keeping_kafka
from tidewheel.local.servers.redis import LOG_NAME, LocalRedis, start_redis
from tidewheel.local.servers.run_servers import KAFKA, REDIS
from tidewheel.registry.redis_access import RedisServer
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.retry import Retry
from tidewheel.runtime.topic_admin import await_leaders

REMOVAL_PAUSE_S = 0.05
REMOVAL_LIMIT_S = 1.0


@dataclass(frozen=True, slots=True)
class RunServers:
    """Where a run's servers listen; empty for those that were not asked for. `ended`: nothing is written any more."""

    kafka: Broker = ""
    redis: RedisServer = ""
    predictor: str = ""
    ended: bool = False


@contextmanager
def run_servers(
    root: Path,
    wanted: Collection[str],
    print_line: Callable[[str], None],
    at: Mapping[str, Callable[[str], Any]] | None = None,
) -> Iterator[RunServers]:
    """The wanted of KAFKA and REDIS for as long as the block lasts. `print_line` is given what takes a while.
    `at`: of each, what an address of one that is none of the run's own becomes.

    Raises FatalError where the folder is none of a run, or its servers cannot be started. A signal that asks the
    process to end raises KeyboardInterrupt meanwhile, so that no server is left behind.
    """
    data = DataDir(root.resolve())
    record = data.previous_run() if root.is_dir() else None
    if record is None:
        what = "has no run.json, so it is no data directory of a run" if root.is_dir() else "is no folder"
        raise FatalError(f"{root} {what}; a run tells its own when it begins and when it ends")
    given, addresses = _section(data, record, "lasting"), _section(data, record, "addresses")
    with ExitStack() as stack:
        try:
            stack.enter_context(data.lock_dir(COMMAND))
        except InUseError as used:
            if not used.by_run:
                raise FatalError(f"{used}; wait for its end, or end it") from None
            found = {name: addresses[name] for name in (*wanted, "predictor")}
            yield RunServers(**{**found, **_external(given, addresses, wanted, at or {})})
            return
        external = _external(given, given, wanted, at or {})
        own = [name for name in wanted if name not in external]
        interruption = stack.enter_context(signals_interrupt())
        if own:  # told once a signal is heeded, also where whoever started us had SIGINT ignored
            print_line(f"the run in {root} has ended; starting its {' and '.join(map(str.capitalize, own))} to read it")
        yield RunServers(**external, **_started(data, own, stack, interruption), ended=True)


def _external(
    given: dict[str, Any], addresses: dict[str, Any], wanted: Collection[str], at: Mapping[str, Callable[[str], Any]]
) -> dict[str, Any]:
    """Of the wanted, those that were given to the run."""
    return {name: at.get(name, str)(addresses[name]) for name in wanted if given.get(name)}


def _section(data: DataDir, record: dict[str, Any], name: str) -> dict[str, Any]:
    """Raises FatalError where a run.json has been tampered with."""
    found = record.get(name)
    if not isinstance(found, dict) or not {KAFKA, REDIS} <= set(found):
        raise FatalError(f"{data.root / 'run.json'} does not say where the servers of its run listen")
    return found


def _started(data: DataDir, own: Collection[str], stack: ExitStack, interruption: Interruption) -> dict[str, str]:
    """Server -> its address. All that is started or made is ended or removed with `stack`."""
    folder = stack.enter_context(_temporary_folder())
    claims, found = PortClaims(), {}
    try:
        if KAFKA in own:
            ports = claims.alternative(KAFKA_PORT), claims.alternative(KAFKA_CONTROLLER_PORT)
            kafka = start_keeping_kafka(data.kafka / "logs", folder / KAFKA, *ports)
            stack.callback(_end, kafka)
            await_leaders(kafka.bootstrap)
            found[KAFKA] = kafka.bootstrap
        if REDIS in own:
            if data.redis.is_dir():
                shutil.copytree(data.redis, folder / REDIS, ignore=shutil.ignore_patterns(LOG_NAME))
            redis = start_redis(folder / REDIS, claims.alternative(REDIS_PORT))
            stack.callback(_end, redis)
            found[REDIS] = redis.url
        interruption.check()
    except (StartError, SetupError) as failure:
        raise FatalError(f"what the run in {data.root} left cannot be read: {failure}") from failure
    except (OSError, shutil.Error) as failure:
        raise FatalError(f"{data.redis} cannot be copied to {folder}: {failure}") from failure
    return found


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """One that is gone afterwards, though a server that was killed may still make a file while it is removed."""
    folder = Path(tempfile.mkdtemp(prefix="tidewheel-"))
    try:
        yield folder
    finally:
        Retry(REMOVAL_PAUSE_S, REMOVAL_LIMIT_S).until(lambda: _removed(folder))


def _removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _end(server: LocalKafka | LocalRedis) -> None:
    """In order; at once where someone insists."""
    try:
        server.stop()
    except KeyboardInterrupt:
        kill_group(server.process)
        server.process.wait()
        raise
