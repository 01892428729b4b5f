"""What a run has beside it with `--observe`: Prometheus with our rules, told at all times whom to ask; and Grafana."""

import json
from collections.abc import Callable, Mapping

from tidewheel.local.data_dir import DataDir, make_folder, write_atomically
from tidewheel.local.metrics import ProcessRecorder, record_scenario_step
from tidewheel.local.observing.grafana_api import Grafana
from tidewheel.local.observing.request import ObserveRequest
from tidewheel.local.observing.scenario_steps import StepsReader
from tidewheel.local.processes.health_poller import HealthCheck, http_check
from tidewheel.local.processes.ports import PortClaims
from tidewheel.local.processes.supervisor import ManagedProcess, Phase, ProcessSpec
from tidewheel.local.servers.grafana import GRAFANA, grafana_command, installed_grafana
from tidewheel.local.servers.prometheus import PROMETHEUS, prometheus_command
from tidewheel.observability.files import dashboard_files, prometheus_files
from tidewheel.observability.grafana import dashboards_yaml, datasource_yaml
from tidewheel.observability.prometheus import TARGETS_FILE, targets
from tidewheel.runtime.health import Health, HealthServer
from tidewheel.telemetry.declaration import RUN

PROMETHEUS_PORT, GRAFANA_PORT, RUN_METRICS_PORT = 9090, 3000, 9106
RECORD_EVERY_S = 1.0
# Who has not been started, or has ended for good, is asked nothing: its silence is no fault.
NOT_ASKED = (Phase.WAITING, Phase.DONE, Phase.GIVEN_UP, Phase.STOPPED)


class Observation:
    """Used from the run's main thread only. `step` is called with each turn of it."""

    def __init__(
        self,
        request: ObserveRequest,
        data: DataDir,
        claims: PortClaims,
        metrics_ports: Mapping[str, int],
        clock: Callable[[], float],
    ) -> None:
        self._request = request
        self._data = data
        self._metrics_ports = metrics_ports
        self._clock = clock
        self.port = claims.port(PROMETHEUS_PORT)
        self._grafana = None if request.grafana else installed_grafana()
        self._grafana_port = claims.port(GRAFANA_PORT) if self._grafana else 0
        self._health = Health(RUN)
        self._server = HealthServer(self._health, claims.port(RUN_METRICS_PORT))
        self._recorder = ProcessRecorder()
        self._steps = StepsReader(data.scenario_steps)
        self._targets = ""
        self._next_s = 0.0
        self._write_files()

    @property
    def url(self) -> str:
        """Where Prometheus listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def places(self) -> list[str]:
        """Where to look, a line each."""
        lines = [f"Prometheus on {self.url}, alerts on {self.url}/alerts"]
        if self._grafana:
            lines.append(f"Grafana on http://127.0.0.1:{self._grafana_port}")
        return lines

    def provision(self) -> list[str]:
        """Tell a Grafana that runs elsewhere; lines for people. Raises GrafanaError."""
        if not self._request.grafana:
            return []
        dashboards = [json.loads(text) for text in dashboard_files().values()]
        count = Grafana(self._request.grafana, self._request.token).provision(self.url, dashboards)
        return [f"Grafana at {self._request.grafana} has our data source and {count} dashboards"]

    def specs(self) -> list[ProcessSpec]:
        """What the supervisor runs; the run goes on without them."""
        folder = self._data.prometheus
        command = lambda: prometheus_command(  # noqa: E731
            self._request.prometheus, folder / "prometheus.yml", folder / "data", self.port
        )
        found = [ProcessSpec(PROMETHEUS, command, self._data.log(PROMETHEUS), optional=True)]
        if (binary := self._grafana) is not None:
            home = self._data.root / GRAFANA
            found.append(
                ProcessSpec(
                    GRAFANA,
                    lambda: grafana_command(binary, home / "provisioning", home / "data", self._grafana_port),
                    self._data.log(GRAFANA),
                    optional=True,
                )
            )
        return found

    def checks(self) -> dict[str, HealthCheck]:
        found = {PROMETHEUS: http_check(self.port, "/-/ready")}
        return found | ({GRAFANA: http_check(self._grafana_port, "/api/health")} if self._grafana else {})

    def step(self, processes: Mapping[str, ManagedProcess]) -> None:
        """Bring figures and targets up to date, where it is time."""
        now_s = self._clock()
        if now_s < self._next_s:
            return
        self._next_s = now_s + RECORD_EVERY_S
        self._health.heartbeat()
        self._recorder.record(processes)
        for scenario, step in self._steps.read():
            record_scenario_step(scenario, step)
        asked = {
            name: f"127.0.0.1:{port}"
            for name, port in self._metrics_ports.items()
            if processes[name].phase not in NOT_ASKED
        }
        text = json.dumps(targets({**asked, RUN: f"127.0.0.1:{self._server.port}"}), indent=1)
        if text != self._targets:
            write_atomically(self._data.prometheus / TARGETS_FILE, text)
            self._targets = text

    def close(self) -> None:
        self._server.close()

    def _write_files(self) -> None:
        """Those that are committed in `deploy/observability`, with the addresses of this run."""
        home = self._data.root / GRAFANA
        texts = {self._data.root / place: text for place, text in prometheus_files().items()}
        texts[self._data.prometheus / TARGETS_FILE] = "[]"
        if self._grafana:
            texts |= {home / place: text for place, text in dashboard_files().items()}
            texts[home / "provisioning/datasources/tidewheel.yml"] = datasource_yaml(self.url)
            texts[home / "provisioning/dashboards/tidewheel.yml"] = dashboards_yaml(str(home / "dashboards"))
            make_folder(home / "dashboards")
        for path, text in texts.items():
            make_folder(path.parent)
            write_atomically(path, text)
