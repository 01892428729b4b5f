"""What `--observe` writes and asks for, against a Grafana that only keeps what it is told: no Grafana is run."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from tests.http_server import serving
from tidewheel.local.data_dir import DataDir
from tidewheel.local.observing import request as observing_request
from tidewheel.local.observing.grafana_api import Grafana, GrafanaError
from tidewheel.local.observing.observation import Observation
from tidewheel.local.observing.request import ObserveRequest, observe_request
from tidewheel.local.processes.ports import PortClaims
from tidewheel.local.processes.supervisor import Phase, ProcessSpec, Supervisor
from tidewheel.local.servers import grafana, prometheus
from tidewheel.observability.files import prometheus_files
from tidewheel.runtime.process import FatalError

TOKEN = "glsa_secret"


@dataclass
class Call:
    method: str
    path: str
    body: Any
    token: str


@dataclass
class FakeGrafana:
    """`answers`: method and path -> status, 200 for the rest."""

    url: str = ""
    answers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)


@contextmanager
def fake_grafana(answers: Mapping[tuple[str, str], int]) -> Iterator[FakeGrafana]:
    fake = FakeGrafana(answers=answers)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.calls.append(Call(self.command, self.path, body, self.headers["Authorization"]))
            said = json.dumps({"message": "as planned"}).encode()
            self.send_response(fake.answers.get((self.command, self.path), 200))
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_POST = do_PUT = answer  # noqa: N815 (the library's names)

    with serving(Handler) as fake.url:
        yield fake


SOURCE = ("PUT", "/api/datasources/uid/tidewheel")
DASHBOARDS = [{"uid": "tidewheel-overview", "title": "Overview"}, {"uid": "tidewheel-market", "title": "Market"}]


def test_a_new_grafana_gets_source_folder_and_dashboards() -> None:
    with fake_grafana({SOURCE: 404}) as fake:
        assert Grafana(fake.url + "/", TOKEN).provision("http://127.0.0.1:9090", DASHBOARDS) == 2
    assert [(call.method, call.path) for call in fake.calls] == [
        SOURCE,
        ("POST", "/api/datasources"),
        ("POST", "/api/folders"),
        ("POST", "/api/dashboards/db"),
        ("POST", "/api/dashboards/db"),
    ]
    assert {call.token for call in fake.calls} == {f"Bearer {TOKEN}"}
    assert fake.calls[1].body["url"] == "http://127.0.0.1:9090"
    assert fake.calls[-1].body == {"dashboard": DASHBOARDS[1], "folderUid": "tidewheel", "overwrite": True}


@pytest.mark.parametrize("exists", [409, 412])
def test_one_that_knows_us_is_brought_up_to_date(exists: int) -> None:
    with fake_grafana({("POST", "/api/folders"): exists}) as fake:
        Grafana(fake.url, TOKEN).provision("http://127.0.0.1:9090", DASHBOARDS[:1])
    assert [call.path for call in fake.calls] == [SOURCE[1], "/api/folders", "/api/dashboards/db"]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({SOURCE: 401}, "refuses the token"),
        ({SOURCE: 403}, "refuses the token"),
        ({("POST", "/api/dashboards/db"): 500}, "answers 500 to POST /api/dashboards/db: as planned"),
    ],
)
def test_what_it_refuses_is_one_line_without_the_token(answers: dict[tuple[str, str], int], said: str) -> None:
    with fake_grafana(answers) as fake, pytest.raises(GrafanaError, match=said) as failure:
        Grafana(fake.url, TOKEN).provision("http://127.0.0.1:9090", DASHBOARDS)
    assert TOKEN not in str(failure.value)
    assert "\n" not in str(failure.value)


def test_one_that_is_not_there() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        with pytest.raises(GrafanaError, match="does not answer"):
            Grafana(url, TOKEN).provision("http://127.0.0.1:9090", [])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes PATH one of programs that do nothing."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv(observing_request.TOKEN, raising=False)
    monkeypatch.delenv(observing_request.TOKEN_FILE, raising=False)

    def make(*programs: str) -> None:
        for name in programs:
            program = tmp_path / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)

    return make


def test_without_prometheus_the_sentence_says_what_to_install(path: Callable[..., None]) -> None:
    with pytest.raises(FatalError, match="apt-get install --no-install-recommends prometheus"):
        observe_request("")


def test_the_token_comes_from_a_variable_or_a_file(
    path: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path("prometheus")
    with pytest.raises(FatalError, match="TIDEWHEEL_GRAFANA_TOKEN"):
        observe_request("http://127.0.0.1:3000")
    monkeypatch.setenv(observing_request.TOKEN, TOKEN)
    assert observe_request("http://127.0.0.1:3000").token == TOKEN
    monkeypatch.setenv(observing_request.TOKEN_FILE, str(tmp_path / "absent"))
    with pytest.raises(FatalError, match="cannot be read"):
        observe_request("http://127.0.0.1:3000")
    (tmp_path / "absent").write_text("other\n")
    assert observe_request("http://127.0.0.1:3000").token == "other"


@contextmanager
def observed(tmp_path: Path, clock: Callable[[], float] = lambda: 0.0) -> Iterator[Observation]:
    request = ObserveRequest(Path("/usr/bin/prometheus"))
    made = Observation(
        request, DataDir(tmp_path), PortClaims(f"test-{uuid4().hex}"), {"ingest": 9101, "labeler": 9103}, clock
    )
    try:
        yield made
    finally:
        made.close()


class Ready:
    """Everybody is ready at once."""

    def reset(self, name: str) -> None:
        """Nothing to forget."""

    def is_ready(self, name: str) -> bool:
        return True

    def stalled_s(self, name: str) -> float:
        return 0.0


def supervisor(tmp_path: Path) -> Supervisor:
    specs = [ProcessSpec(name, lambda: ["true"], tmp_path / "log") for name in ("ingest", "labeler")]
    return Supervisor(specs, lambda spec: pytest.fail("none is started"), Ready(), lambda: 0.0)


def asked(tmp_path: Path) -> set[str]:
    return {one["labels"]["job"] for one in json.loads((tmp_path / "prometheus/targets.json").read_text())}


def test_the_files_are_those_of_the_cluster(path: Callable[..., None], tmp_path: Path) -> None:
    path("prometheus")
    with observed(tmp_path) as made:
        for place, text in prometheus_files().items():
            assert (tmp_path / place).read_text() == text
        (spec,) = made.specs()
        assert "--config.file=" + str(tmp_path / "prometheus/prometheus.yml") in spec.command()
        assert spec.optional


def test_who_has_not_begun_or_is_done_is_not_asked(path: Callable[..., None], tmp_path: Path) -> None:
    times = iter(range(0, 100, 10))
    processes = supervisor(tmp_path).processes
    with observed(tmp_path, lambda: next(times)) as made:
        made.step(processes)
        assert asked(tmp_path) == {"run"}
        processes["ingest"].phase, processes["labeler"].phase = Phase.READY, Phase.RESTARTING
        made.step(processes)
        assert asked(tmp_path) == {"ingest", "labeler", "run"}
        processes["ingest"].phase = Phase.DONE
        made.step(processes)
        assert asked(tmp_path) == {"labeler", "run"}


def test_an_installed_grafana_is_given_our_files(path: Callable[..., None], tmp_path: Path) -> None:
    path("grafana-server")
    with observed(tmp_path) as made:
        _, spec = made.specs()
        command = [str(word) for word in spec.command()]
        source = yaml.safe_load((tmp_path / "grafana/provisioning/datasources/tidewheel.yml").read_text())
    assert command[0].endswith("grafana-server")
    assert f"cfg:paths.provisioning={tmp_path}/grafana/provisioning" in command
    assert source["datasources"][0]["url"] == made.url
    assert (tmp_path / "grafana/dashboards").is_dir()


def test_grafanas_home_is_found(tmp_path: Path) -> None:
    (tmp_path / "grafana-11/public").mkdir(parents=True)
    assert grafana.home_of(tmp_path / "grafana-11/bin/grafana") == tmp_path / "grafana-11"
    assert grafana.home_of(Path("/usr/sbin/grafana")) == grafana.PACKAGED_HOME


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for command in (prometheus.prometheus_command, grafana.grafana_command):
            with pytest.raises(Exception, match=f"port {port} is in use"):
                command(Path("/bin/true"), Path("a"), Path("b"), port)
