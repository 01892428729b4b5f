"""What holds for every dashboard, asked of its JSON: Grafana's own linter is a Go program, and knows no runbooks."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

from tests.promql import filled, selectors, unknown
from tests.tidy.tree import ROOT
from tidewheel.observability.dashboards.panels import Unit
from tidewheel.telemetry.metrics import CATALOGUE

Json = Mapping[str, Any]
COLUMNS = 24
LETTERS_PER_COLUMN = 7
# Grafana 11 writes 41; from 42 on it is another schema's turn to be asked.
CLASSIC = range(36, 42)
# Of a rate; and for what was last seen, however long ago.
LOOKS_BACK = {"$__rate_interval", "$__range"}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
RUNBOOK = re.compile(r"\$\{docs\}/([\w-]+\.md)#([\w-]+)$")


def panels(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def exprs(dashboard: Json) -> list[str]:
    """Every query: of panels and annotations."""
    of_panels = [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]
    return of_panels + [one["expr"] for one in dashboard["annotations"]["list"]]


def classic(dashboard: Json) -> Iterator[str]:
    if dashboard.get("schemaVersion") not in CLASSIC or not dashboard["uid"].startswith("tidewheel-"):
        yield "is not of the Classic schema, or has no stable uid"


def questions(dashboard: Json) -> Iterator[str]:
    titles = [panel["title"] for panel in panels(dashboard)]
    yield from (f"{title!r} asks nothing" for title in titles if not re.fullmatch(r"[A-Z].+\?", title))
    yield from (f"{title!r} is asked twice" for title in sorted(set(titles)) if titles.count(title) > 1)


def titles_fit(dashboard: Json) -> Iterator[str]:
    """Beside the two signs in a panel's head, on a page of 1600 pixels; `make dashboards-preview` measures it."""
    for panel in panels(dashboard):
        if len(panel["title"]) > LETTERS_PER_COLUMN * panel["gridPos"]["w"]:
            yield f"{panel['title']!r} is too long for its panel"


def units(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        if panel["fieldConfig"]["defaults"].get("unit") not in set(Unit):
            yield f"{panel['title']!r} has no unit"


def descriptions(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        good, _, runbook = panel.get("description", "").partition(" If not: ")
        if not re.fullmatch(r"[A-Z0-9].*\.", good) or len(re.findall(r"\.(?: |$)", good)) > 2:
            yield f"{panel['title']!r} does not say what is good, in one sentence or two"
        if not any(link["url"].endswith(runbook.removeprefix("docs/")) for link in panel.get("links", ()) if runbook):
            yield f"{panel['title']!r} names another runbook than its link"


def links(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        found = [RUNBOOK.match(link["url"]) for link in panel.get("links", ())]
        if not found:
            yield f"{panel['title']!r} has no link to a runbook"
        for match in found:
            if match is None or match[2] not in anchors(match[1]):
                yield f"{panel['title']!r} links to what is not there"


def anchors(page: str) -> set[str]:
    path = ROOT / "docs" / page
    headings = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE) if path.exists() else []
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def rate_intervals(dashboard: Json) -> Iterator[str]:
    for expr in exprs(dashboard):
        yield from (f"{expr} looks back {back}" for back in re.findall(r"\[([^\]]*)\]", expr) if back not in LOOKS_BACK)


def sources(dashboard: Json) -> Iterator[str]:
    variables = dashboard["templating"]["list"]
    if [one["query"] for one in variables if one["name"] == "datasource" and one["type"] == "datasource"] != [
        "prometheus"
    ]:
        yield "has no variable of its data source"
    asked = [
        *panels(dashboard),
        *dashboard["annotations"]["list"],
        *(one for one in variables if one["type"] == "query"),
    ]
    asked += [target for panel in panels(dashboard) for target in panel["targets"]]
    for one in asked:
        if one.get("datasource") != SOURCE:
            yield f"{one.get('title') or one.get('name') or one.get('expr')!r} asks a data source that nobody chose"


def variables(dashboard: Json) -> Iterator[str]:
    """What a query asks for can be chosen, and what can be chosen is asked for wherever a metric has it."""
    there = {one["name"] for one in dashboard["templating"]["list"]}
    for expr in exprs(dashboard):
        yield from (
            f"{expr} asks for ${name}"
            for name in re.findall(r"\$([A-Za-z_]\w*)", expr)
            if name[:2] != "__" and name not in there
        )
        if "instrument" in there:
            yield from (
                f"{expr} is of every instrument" for name, labels in selectors(filled(expr)) if all_of(name, labels)
            )


def all_of(name: str, labels: tuple[str, ...]) -> bool:
    declared = CATALOGUE.series_names().get(name)
    by_instrument = name.startswith("instrument:") or (declared is not None and "instrument" in declared.labels)
    return by_instrument and "instrument" not in labels


def ids(dashboard: Json) -> Iterator[str]:
    found = [panel.get("id") for panel in dashboard["panels"]]
    if None in found or len(set(found)) < len(found):
        yield "has panels with the same id, or none"
    for panel in panels(dashboard):
        refs = [target["refId"] for target in panel["targets"]]
        if len(set(refs)) < len(refs):
            yield f"{panel['title']!r} has queries with the same id"


def places(dashboard: Json) -> Iterator[str]:
    at = [(panel["title"], panel["gridPos"]) for panel in dashboard["panels"]]
    yield from (f"{title!r} leaves the page" for title, one in at if one["x"] + one["w"] > COLUMNS)
    for (title, one), (other_title, other) in combinations(at, 2):
        if all(
            one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
            for start, size in ("xw", "yh")
        ):
            yield f"{title!r} lies over {other_title!r}"


def names(dashboard: Json) -> Iterator[str]:
    yield from (f"nobody exports {name}" for name in unknown(map(filled, exprs(dashboard))))


RULES: list[Callable[[Json], Iterator[str]]] = [
    classic,
    questions,
    titles_fit,
    units,
    descriptions,
    links,
    rate_intervals,
    sources,
    variables,
    ids,
    places,
    names,
]
