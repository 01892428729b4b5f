"""Scenarios: what they name is there, and each fault of the issue has one."""

import re

import pytest

from tests.tidy.tree import ROOT
from tidewheel.domain.market_events import NOTICE_S
from tidewheel.local.processes.services import SERVICES
from tidewheel.local.scenarios.declared import DECLARED, SCENARIOS, Killed, Paused, Scenario, Step
from tidewheel.local.system import SERVERS
from tidewheel.observability.alerts import ALERTS
from tidewheel.observability.dashboards.all_dashboards import DASHBOARDS

NAMED_ALERTS = {one.name: one for one in ALERTS}
PANELS = {one.title: {panel.question for panel in one.panels} for one in DASHBOARDS}
each = pytest.mark.parametrize("scenario", DECLARED, ids=lambda one: one.name)


def seconds(text: str) -> int:
    """`1m` as Prometheus reads it."""
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3_600}[text[-1]]


def test_the_seven_are_there() -> None:
    assert set(SCENARIOS) == {
        *("flip", "feed-gap", "burst", "redis-away", "broker-paused", "labeler-killed", "poisoned-model")
    }
    assert len(SCENARIOS) == len(DECLARED)


@each
def test_its_alerts_are_ours(scenario: Scenario) -> None:
    assert {scenario.alert, *scenario.tolerated} <= set(NAMED_ALERTS)
    assert scenario.alert not in scenario.tolerated


@each
def test_its_panels_are_ours(scenario: Scenario) -> None:
    assert scenario.watch
    missing = {
        (title, question)
        for title, questions in scenario.watch.items()
        for question in questions
        if question not in PANELS.get(title, ())
    }
    assert missing == set()


@each
def test_its_process_is_one_of_a_run(scenario: Scenario) -> None:
    if isinstance(scenario.fault, Paused | Killed):
        assert scenario.fault.process in (*SERVICES, *SERVERS)


@each
def test_its_limits_leave_the_alert_its_time(scenario: Scenario) -> None:
    alert = NAMED_ALERTS[scenario.alert]
    assert scenario.fires_s > seconds(alert.held)
    assert scenario.over_s > seconds(alert.kept or "0s")


def test_the_how_to_has_each() -> None:
    text = (ROOT / "docs/how-to/show-a-fault.md").read_text()
    rows = dict(re.findall(r"^\| `([\w-]+)` \|.*\| \[(\w+)\]", text, re.MULTILINE))
    assert rows == {one.name: one.alert for one in DECLARED}


def test_their_names_are_words_that_a_label_may_have() -> None:
    assert all(re.fullmatch(r"[a-z-]+", name) for name in (*SCENARIOS, *Step))


def test_notice_is_two_stretches_of_the_simulated_market() -> None:
    from services.ingest.sources.simulator import BLOCK_S

    assert NOTICE_S >= 2 * BLOCK_S
