"""Rules and alerts: they name only what is declared, each has its cases and its runbook, and promtool runs them."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from tests.alert_cases import CASES, AlertCase
from tests.promql import unknown
from tests.tidy.tree import ROOT
from tidewheel.observability.alerts import ALERTS
from tidewheel.observability.files import prometheus_files
from tidewheel.observability.generate import FOLDER, generate
from tidewheel.observability.recording import RECORDING_RULES
from tidewheel.observability.rules import AlertRule

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not on PATH; Debian's package is prometheus")
RULES = (*RECORDING_RULES, *ALERTS)


def firing(case: AlertCase) -> set[str]:
    return {alert for alerts in case.firing.values() for alert in alerts}


DISCOVERY = re.compile(r"kubernetes_sd_configs:\n.*?(?=^ *relabel_configs)", re.DOTALL | re.MULTILINE)


def run(*arguments: object) -> None:
    done = subprocess.run([PROMTOOL or "", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_name_only_what_is_declared() -> None:
    assert unknown(rule.expr for rule in RULES) == []


@pytest.mark.parametrize(
    "expr",
    [
        "sum(rate(tidewheel_tick_total[1m]))",
        'max by (job) (tidewheel_ticks_total{symbol="A"})',
        "(up == 1) and on () (histogram_quantile(0.5, rate(tidewheel_rpc_seconds_bucket[1m])) > 1)",
        "max_over_time(instrument:tidewheel_no_such:ratio[5m:5s])",
        "tidewheel_rpc_duration_seconds",  # a histogram has no series of its bare name
    ],
)
def test_a_planted_name_is_found(expr: str) -> None:
    assert len(unknown([expr])) == 1


def test_generated_files_have_not_drifted(tmp_path: Path) -> None:
    generate(tmp_path)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    # What a cluster makes ConfigMaps by is written by hand.
    found = [path for path in FOLDER.rglob("*") if path.is_file() and path.name != "kustomization.yaml"]
    kept = {path.relative_to(FOLDER): path.read_text() for path in found}
    assert made == kept, "run `make generate`"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_has_its_runbook_and_its_cases(alert: AlertRule) -> None:
    assert alert.summary
    assert alert.description.endswith(".")
    text, _, anchor = alert.runbook.partition("#")
    sections = re.split(r"^## ", (ROOT / text).read_text(), flags=re.MULTILINE)
    (section,) = [one for one in sections if one.splitlines()[0].lower() == anchor]
    parts = re.findall(r"^\*\*(.+?)\*\*", section, flags=re.MULTILINE)
    assert parts == ["Meaning.", "First look.", "Remedy."]
    cases = [case for case in CASES if alert.name in case.name]
    assert [case for case in cases if firing(case) == {alert.name}], "one in which it fires"
    assert [case for case in cases if case.name.startswith("no ")], "its look-alike"


def test_every_runbook_is_of_an_alert() -> None:
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text(), flags=re.MULTILINE)
    assert sections == [alert.name for alert in ALERTS]


@needs_promtool
def test_promtool_takes_the_files(tmp_path: Path) -> None:
    for place, text in prometheus_files().items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    run("check", "config", tmp_path / "prometheus/prometheus.yml")
    cluster = tmp_path / "prometheus/prometheus-kubernetes.yml"
    # Debian builds Prometheus without Kubernetes; what comes after the discovery is checked all the same.
    cluster.write_text(re.sub(DISCOVERY, "static_configs: []\n", cluster.read_text()))
    run("check", "config", cluster)


@needs_promtool
def test_alerts_fire_on_the_minute(tmp_path: Path) -> None:
    run("test", "rules", written_cases(tmp_path, CASES))


@needs_promtool
def test_a_planted_case_fails(tmp_path: Path) -> None:
    """A look-alike that must not be silent."""
    case = next(case for case in CASES if case.name.startswith("ServiceDown"))
    planted = AlertCase("planted", case.series, dict.fromkeys(case.firing, ()))
    with pytest.raises(AssertionError, match="ServiceDown"):
        run("test", "rules", written_cases(tmp_path, [planted]))


def written_cases(folder: Path, cases: Iterable[AlertCase]) -> Path:
    files = prometheus_files()
    for name in ("recording", "alerts"):
        (folder / f"{name}.yml").write_text(files[f"prometheus/rules/{name}.yml"])
    path = folder / "cases.yml"
    content = {
        "rule_files": ["recording.yml", "alerts.yml"],
        "evaluation_interval": "5s",
        "group_eval_order": ["tidewheel-recording", "tidewheel-alerts"],
        "tests": [case.as_dict() for case in cases],
    }
    path.write_text(yaml.safe_dump(content))
    return path
