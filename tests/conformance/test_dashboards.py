"""Dashboards: what is committed is what is declared, and keeps the rules; each rule is shown to fail."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import dashboard_rules as rules
from tests.tidy.tree import ROOT
from tidewheel.observability.dashboards.all_dashboards import DASHBOARDS
from tidewheel.observability.files import dashboard_files
from tidewheel.observability.generate import SHIPPED, build_dashboards

COMMITTED = {place: json.loads(text) for place, text in dashboard_files().items()}
EVENTS = {"Swaps", "Models refused", "Swaps refused", "Drifts", "Restarts", "Scenario steps"}
Damage = Callable[[Any], object]


def test_what_ships_has_not_drifted(tmp_path: Path) -> None:
    build_dashboards(tmp_path)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_text() for path in SHIPPED.glob("*.json")}, "run `make generate`"


@pytest.mark.parametrize("place", COMMITTED)
@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_it_keeps_the_rules(rule: Callable[[Any], Any], place: str) -> None:
    assert list(rule(COMMITTED[place])) == []


@pytest.mark.parametrize("place", COMMITTED)
def test_what_happens_is_marked_everywhere(place: str) -> None:
    assert {one["name"] for one in COMMITTED[place]["annotations"]["list"]} == EVENTS


def test_a_value_that_is_put_in_is_called_none() -> None:
    """`vector(…)` may stand only for what has no series before it happens, and for venues where none is heard."""
    put_in = [expr for one in COMMITTED.values() for expr in rules.exprs(one) if "vector(" in expr]
    assert put_in
    assert all('"none"' in expr for expr in put_in)


def test_the_how_to_lists_them() -> None:
    text = (ROOT / "docs/how-to/watch-with-grafana.md").read_text()
    missing = [
        one.title for one in DASHBOARDS if f"| {one.title.removeprefix('Tidewheel: ')} | {one.questions} |" not in text
    ]
    assert missing == []


def panel(dashboard: Any, number: int = 0) -> Any:
    return [one for one in dashboard["panels"] if one["type"] != "row"][number]


def put(key: str, value: object) -> Damage:
    return lambda dashboard: panel(dashboard).__setitem__(key, value)


def put_expr(expr: str) -> Damage:
    return lambda dashboard: panel(dashboard)["targets"][0].__setitem__("expr", expr)


PLANTED: list[tuple[str, Damage]] = [
    ("classic", lambda one: one.__setitem__("schemaVersion", 2)),
    ("questions", put("title", "Market seconds")),
    ("questions", lambda one: panel(one).__setitem__("title", panel(one, 1)["title"])),
    ("titles_fit", put("title", "How long ago did the feed bring a market second?")),
    ("units", lambda one: panel(one)["fieldConfig"]["defaults"].pop("unit")),
    ("descriptions", put("description", "")),
    ("descriptions", put("description", "Good. If not: docs/runbooks.md#edgegone")),
    ("links", put("links", [])),
    ("links", put("links", [{"url": "${docs}/runbooks.md#nosuchalert"}])),
    ("rate_intervals", put_expr("sum(rate(tidewheel_predictions_logged_total[5m]))")),
    ("sources", put("datasource", {"type": "prometheus", "uid": "tidewheel"})),
    ("sources", lambda one: panel(one)["targets"][0].pop("datasource")),
    ("sources", lambda one: one["templating"]["list"].pop(0)),
    ("variables", put_expr('max(tidewheel_bid_price{instrument=~"$symbol"})')),
    ("variables", put_expr("max(tidewheel_bid_price)")),
    ("ids", lambda one: panel(one).__setitem__("id", panel(one, 1)["id"])),
    ("ids", lambda one: panel(one)["targets"].append(panel(one)["targets"][0])),
    ("places", lambda one: panel(one)["gridPos"].__setitem__("w", 7)),
    ("places", lambda one: panel(one)["gridPos"].__setitem__("x", 23)),
    ("names", put_expr('sum(rate(tidewheel_tick_total{instrument=~"$instrument"}[$__rate_interval]))')),
    ("names", lambda one: one["annotations"]["list"][0].__setitem__("expr", "changes(tidewheel_model_seqs[20s])")),
]


@pytest.mark.parametrize(("name", "damage"), PLANTED)
def test_a_planted_fault_is_found(name: str, damage: Damage) -> None:
    damaged = copy.deepcopy(COMMITTED["dashboards/tidewheel-overview.json"])
    damage(damaged)
    assert list(getattr(rules, name)(damaged))


def test_every_rule_is_shown_to_fail() -> None:
    assert {name for name, _ in PLANTED} == {rule.__name__ for rule in rules.RULES}
