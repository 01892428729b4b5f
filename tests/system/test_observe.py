"""A real Prometheus beside a real run: every metric that a rule names, and every query of a panel, has data soon after
the start."""

import json
import logging
import math
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.promql import filled, metrics_named
from tests.system import driver
from tests.waiting import RUN_LIMIT_S, eventually
from tidewheel.observability.alerts import ALERTS
from tidewheel.observability.dashboards.all_dashboards import DASHBOARDS
from tidewheel.observability.dashboards.annotations import annotations
from tidewheel.observability.recording import RECORDING_RULES
from tidewheel.observability.venue_rules import VENUE_RECORDING_RULES
from tidewheel.telemetry.declaration import CATALOGUE

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        shutil.which("prometheus") is None, reason="prometheus is not on PATH; Debian's package is prometheus"
    ),
]
LOG = logging.getLogger(__name__)
# What is told of live venues no simulated market has: `tests/venues/test_metrics.py` hears one.
OF_VENUES = {name for name, one in CATALOGUE.series_names().items() if "venue" in one.labels} | {
    rule.name for rule in VENUE_RECORDING_RULES
}
# A version must serve for longer than a scrape takes to come round: the series of the five that served last are kept,
# a rate needs two values of one, and a window of 400 closes each 0.7 s here.
SHORT = ("--window", "1000", "--trials", "2", "--orders-per-second", "5", "--threshold", "2", "--speed", "120")


class Prometheus:
    """Asks one."""

    def __init__(self, url: str) -> None:
        self._url = url

    def api(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def has(self, selector: str) -> bool:
        return bool(self.api("query", query=selector)["result"])

    def draws(self, expr: str) -> bool:
        """Whether a panel that asks this shows anything: what is no number is not drawn."""
        return any(not math.isnan(float(one["value"][1])) for one in self.api("query", query=expr)["result"])

    def without_data(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if not self.has(name)]

    def unhealthy_rules(self) -> list[str]:
        return [
            f"{rule['name']}: {rule['lastError']}"
            for group in self.api("rules")["groups"]
            for rule in group["rules"]
            if rule["health"] == "err"
        ]


def prometheus_of(data: Path) -> Prometheus | None:
    """Of a run that has said where it listens, once it answers."""
    if not (data / "run.json").exists():
        return None
    found = Prometheus(json.loads((data / "run.json").read_text())["prometheus"])
    try:
        found.api("status/buildinfo")
    except OSError:
        return None
    return found


class Panels:
    """Every query of every panel, of which those that have not drawn anything yet are asked again."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._began_s = time.monotonic()
        self.empty = {
            f"{dashboard.title}: {panel.question} {query.legend}": filled(query.expr)
            for dashboard in DASHBOARDS
            for panel in dashboard.panels
            for query in panel.queries
        }
        self.count = len(self.empty)

    def __str__(self) -> str:
        return (
            f"every query of every panel draws something, but {len(self.empty)} of {self.count}: {sorted(self.empty)}"
        )

    def all_drawn(self) -> bool:
        drawn = [name for name, expr in self.empty.items() if self._prometheus.draws(expr)]
        for name in drawn:
            del self.empty[name]
        LOG.info("%.0f s: %s", time.monotonic() - self._began_s, self)
        return not self.empty


def test_every_metric_of_a_rule_has_data(tmp_path: Path) -> None:
    wanted = sorted({name for rule in (*RECORDING_RULES, *ALERTS) for name in metrics_named(rule.expr)} - OF_VENUES)
    data = tmp_path / "data"
    with driver.started(["run", "--observe", *SHORT, "--data-dir", str(data)], tmp_path) as running:
        eventually(lambda: prometheus_of(data) is not None, "Prometheus answers", 0.2, RUN_LIMIT_S)
        prometheus = prometheus_of(data)
        assert prometheus is not None
        eventually(lambda: prometheus.has('up{job="ingest"} == 1'), "ingest is asked", 0.2, RUN_LIMIT_S)
        since_s = time.monotonic()
        eventually(lambda: not prometheus.without_data(wanted), f"data of each of {wanted}", 0.5, RUN_LIMIT_S)
        LOG.info("data of all %d metrics %.0f s after the first scrape", len(wanted), time.monotonic() - since_s)
        panels = Panels(prometheus)
        eventually(panels.all_drawn, panels, 1.0, RUN_LIMIT_S)
        for marked in annotations(""):
            prometheus.api("query", query=filled(marked.expr))  # an error of the query is an exception
        assert prometheus.unhealthy_rules() == []
        # A planted renaming: what nobody exports has no data, however long it is waited for.
        assert prometheus.without_data(["tidewheel_tick_total"]) == ["tidewheel_tick_total"]
        assert not prometheus.draws(filled("sum(rate(tidewheel_tick_total[$__rate_interval]))"))
        jobs = {target["labels"]["job"] for target in prometheus.api("targets")["activeTargets"]}
        assert jobs == {"ingest", "orderbot", "labeler", "trainer", "predictor", "run"}
        running.scan()
        running.process.terminate()
        running.wait(60)
        assert running.wait_gone() == []
    out = (tmp_path / "out.txt").read_text()
    assert "alerts on http://127.0.0.1:" in out
    assert "what was measured is kept in" in out
