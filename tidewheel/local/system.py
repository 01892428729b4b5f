"""One run of the whole system: start, watch, decide the end, stop in order, tell what came of it."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from confluent_kafka import KafkaException

from tidewheel.local import stop_condition
from tidewheel.local.clock import steady_s, wall_ns
from tidewheel.local.completion import Completion
from tidewheel.local.data_dir import DataDir
from tidewheel.local.display import Display
from tidewheel.local.monitoring.announcer import phase_line
from tidewheel.local.monitoring.monitor import Addresses, Monitor
from tidewheel.local.monitoring.observed import InstrumentState
from tidewheel.local.monitoring.probe import ServedLog
from tidewheel.local.observing.observation import Observation
from tidewheel.local.processes.health_poller import LIVE_LIMIT_S, NO_ANSWER, HealthPoller, http_check
from tidewheel.local.processes.ports import PortClaims
from tidewheel.local.processes.process_file import ProcessFile
from tidewheel.local.processes.services import INGEST, SERVICES, service_specs
from tidewheel.local.processes.shutdown import Grace, kill_all, stop_in_order
from tidewheel.local.processes.signals import Interrupts
from tidewheel.local.processes.subprocesses import start, tethered
from tidewheel.local.processes.supervisor import Phase, ProcessSpec, Spawn, Supervisor
from tidewheel.local.run_request import RunRequest
from tidewheel.local.servers import run_servers as servers
from tidewheel.local.servers.grafana import GRAFANA
from tidewheel.local.servers.prometheus import PROMETHEUS
from tidewheel.local.view.frame import ProcessStatus, empty_frame

STEP_S = 0.05
FRAME_EVERY_S = 0.25
SERVICES_GRACE = Grace(each_s=1.0, limit_s=5.0)
SERVERS_GRACE = Grace(each_s=0.3, limit_s=4.0)
SERVERS = (GRAFANA, PROMETHEUS, servers.REDIS, servers.KAFKA)  # in the order in which they are ended
CATCH_UP_LIMIT_S = 60.0
CATCH_UP_HURRIED_S = 2.0


@dataclass(frozen=True, slots=True)
class RunEnd:
    """Why a run is over. `failed`: it could not go on; `interrupted`: someone asked."""

    message: str
    failed: bool = False
    interrupted: bool = False


class System:
    """The processes of one run and what watches them. Used from the main thread only.

    `read_examples`: watch that topic too, for a summary that says whether they are there once each.
    """

    def __init__(self, request: RunRequest, data: DataDir, display: Display, *, read_examples: bool = False) -> None:
        self.request = request
        self._read_examples = read_examples
        self.display = display
        self.started_s = steady_s()
        self._claims = PortClaims()
        self.ports = self._claims.choose(SERVICES)
        self.addresses = Addresses(
            request.kafka or f"127.0.0.1:{self.ports.kafka}",
            request.redis or f"redis://127.0.0.1:{self.ports.redis}/0",
            f"127.0.0.1:{self.ports.predictor}",
        )
        self._data = data
        self.observation = (
            Observation(request.observe, data, self._claims, self.ports.metrics, steady_s) if request.observe else None
        )
        lives = {name: http_check(port, "/live", LIVE_LIMIT_S) for name, port in self.ports.metrics.items()}
        self._health = HealthPoller(self._checks(), lives)
        self.supervisor = Supervisor(self._specs(), spawner(data.root), self._health, steady_s)
        self._process_file = ProcessFile(data.processes)
        self.monitor: Monitor | None = None
        self._completion: Completion | None = None
        self._watched_since_s = 0.0
        self._next_frame_s = 0.0

    @property
    def wall_s(self) -> float:
        return steady_s() - self.started_s

    def _own_servers(self) -> tuple[str, ...]:
        own = ((servers.KAFKA, self.request.kafka), (servers.REDIS, self.request.redis))
        return tuple(name for name, given in own if given is None)

    def _specs(self) -> list[ProcessSpec]:
        specs = {servers.KAFKA: servers.kafka_spec, servers.REDIS: servers.redis_spec}
        first = [specs[name](self._data, self.ports) for name in self._own_servers()]
        options = self.request.options
        feed_is_done = (lambda: True) if options.feed.ends else (lambda: False)
        services = service_specs(options, self.addresses, self.ports, self._data, self._own_servers(), feed_is_done)
        return [*first, *(self.observation.specs() if self.observation else ()), *services]

    def _checks(self) -> dict[str, servers.HealthCheck]:
        checks: dict[str, servers.HealthCheck] = {
            servers.KAFKA: servers.kafka_check(self.ports.kafka, self.addresses.kafka, self.request.partitions),
            servers.REDIS: servers.redis_check(self.ports.redis),
        }
        wanted = {name: checks[name] for name in self._own_servers()}
        if self.observation is not None:
            wanted |= self.observation.checks()
        return wanted | {name: http_check(port, "/ready") for name, port in self.ports.metrics.items()}

    def run(self, interrupts: Interrupts) -> RunEnd:
        """Start everything and keep it going until something ends it; leaves the processes running."""
        self._health.background.start()
        while True:
            for change in self.supervisor.step():
                self.display.print(phase_line(change))
            self._process_file.write(self.supervisor.processes)
            if self.observation is not None:
                self.observation.step(self.supervisor.processes)
            if self.supervisor.failure is not None:
                return RunEnd(self.supervisor.failure, failed=True)
            if interrupts.asked:
                return RunEnd("ended by request", interrupted=True)
            self._watch()
            if (end := self._stop_reason()) is not None:
                return RunEnd(end.message)
            self._show()
            time.sleep(STEP_S)

    def _watch(self) -> None:
        """Begin to watch once the broker is there."""
        if self.monitor is not None:
            self.monitor.check()
            return
        if servers.KAFKA in self.supervisor.processes and self.supervisor.phase(servers.KAFKA) is not Phase.READY:
            return
        options = self.request.options
        monitor = Monitor(
            self.addresses,
            ServedLog(self._data.served),
            file_log(self._data.log("run")),
            instrument=options.watched,
            windowing=options.windowing,
            read_examples=self._read_examples,
        )
        try:
            monitor.start()
        except KafkaException as failure:
            monitor.close()
            self.display.print(f"the broker does not answer yet: {failure.args[0].str()}")
            return
        self.monitor = monitor
        self._completion = Completion(monitor.collector)
        self._watched_since_s = steady_s()

    def _stop_reason(self) -> stop_condition.StopReason | None:
        monitor, completion, options = self.monitor, self._completion, self.request.options
        if monitor is None or completion is None:
            return None
        feed_done = self.supervisor.phase(INGEST) is Phase.DONE
        with monitor.lock:
            known = list(monitor.observed.instruments.values())
            complete = all(map(stop_condition.labels_complete, known))
            found = monitor.instruments()
            instruments = tuple(self._progress(monitor, one) for one in found)
            ended = bool(found) and all(one.market.ended for one in found)
        if completion.feed_broke_off(ended):
            self.supervisor.reject_done(INGEST, "ended before the feed did")
            return None
        completion.step(
            feed_done=feed_done,
            labels_complete=complete,
            progress=monitor.progress.latest,
            rounds=monitor.progress.rounds,
        )
        condition = stop_condition.StopCondition(options.exit_after_models, options.feed.ends and not options.stay)
        state = stop_condition.RunState(feed_done, completion.done, instruments)
        return stop_condition.stop_reason(condition, state)

    def _progress(self, monitor: Monitor, found: InstrumentState) -> stop_condition.InstrumentProgress:
        closed = stop_condition.windows_closed(found, self.request.options.windowing)
        published = found.runs.newest_published()
        watched_for_s = steady_s() - self._watched_since_s
        return stop_condition.InstrumentProgress(
            windows_closed=closed,
            windows_ended=not found.runs.awaited(closed),
            served=frozenset(monitor.served_models(found.name)),
            newest_published=published.seq if published else 0,
            published_for_s=stop_condition.published_for_s(published.ended_at_ns, wall_ns(), watched_for_s)
            if published
            else 0.0,
        )

    def _show(self) -> None:
        now_s = steady_s()
        if now_s < self._next_frame_s:
            return
        self._next_frame_s = now_s + FRAME_EVERY_S
        shown = (self._title(), self._footer(), self.wall_s, self.processes(), self.display.messages())
        if self.monitor is None:
            self.display.show(empty_frame(*shown), threading.Lock())
            return
        self.monitor.sample(now_s)
        self.display.show(self.monitor.frame(*shown), self.monitor.lock)

    def _title(self) -> str:
        options = self.request.options
        pace = options.speed if options.speed == "max" else f"{options.speed} ×"
        return f"{options.traded} at {pace}, ±{options.threshold}"

    def _footer(self) -> str:
        where = self.addresses
        seen = f"  prometheus {self.observation.url}" if self.observation else ""
        return f" Ctrl-C ends. predictor {where.predictor}  kafka {where.kafka}{seen}  data {self._data.root}"

    def processes(self) -> list[ProcessStatus]:
        """The processes as the view shows them."""
        return [
            ProcessStatus(name, self._state(name, managed.phase), managed.restarts)
            for name, managed in self.supervisor.processes.items()
        ]

    def _state(self, name: str, phase: Phase) -> str:
        """A service that answers and has begun, and still is not ready, waits for something: the first model, say."""
        _, answer = self._health.status(name)
        waits = phase is Phase.STARTING and answer not in ("", NO_ANSWER, "starting")
        return "waiting" if waits else phase

    def stop_services(self) -> None:
        """End the five in order: the source first, so that the others still finish what they have."""
        self._stop(SERVICES, SERVICES_GRACE)

    def stop_servers(self) -> None:
        """End what watches, then Redis, then Kafka."""
        if self.monitor is not None:
            self.monitor.close()
        if self.observation is not None:
            self.observation.close()
        self._health.background.close()
        self._stop([name for name in SERVERS if name in self.supervisor.processes], SERVERS_GRACE)

    def _stop(self, names: Sequence[str], grace: Grace) -> None:
        stop_in_order(self.supervisor.running(names), grace, steady_s, lambda: time.sleep(0.02))
        self.supervisor.mark_stopped(names)

    def kill(self) -> None:
        """End every process at once."""
        kill_all(self.supervisor.running(list(self.supervisor.processes)))

    def catch_up(self, hurried: bool) -> bool:
        """Read what is on the topics to the end, within a bound; returns whether that was reached."""
        if self.monitor is None:
            return False
        collector = self.monitor.collector
        collector.request_catch_up()
        return collector.wait_caught_up(CATCH_UP_HURRIED_S if hurried else CATCH_UP_LIMIT_S)


def spawner(directory: Path) -> Spawn:
    """Starts children tied to this process, in `directory`, so that nothing they leave lies about elsewhere."""

    def spawn(spec: ProcessSpec) -> "Popen[bytes]":
        command = tethered(spec.command(), spec.parent_death_signal, spec.niceness)
        return start(command, spec.log, spec.env, directory)

    return spawn


def file_log(path: Path) -> logging.Logger:
    """What the watching threads and their clients have to say; a terminal view would be torn by it."""
    log = logging.getLogger("tidewheel.run")
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.handlers = [handler]
    log.propagate = False
    log.setLevel(logging.INFO)
    return log
