"""A dashboard with everything that the page needs to draw it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from preview.answers import marks, series
from preview.templating import interval_s, of_dashboard, of_intervals, substituted
from tidewheel.local.observing.prometheus_api import Prometheus
from tidewheel.observability.prometheus import SCRAPE_INTERVAL

Json = Mapping[str, Any]
SCRAPE_S = int(SCRAPE_INTERVAL.removesuffix("s"))
COLUMNS = 24


@dataclass(frozen=True)
class Asked:
    """What is shown: from when to when, and how many pixels a row of panels has."""

    from_s: float
    to_s: float
    width: int

    @property
    def span_s(self) -> float:
        return self.to_s - self.from_s


def bundle(dashboard: Json, prometheus: Prometheus, asked: Asked) -> dict[str, Any]:
    """Raises PrometheusError, and PreviewError where a variable is not known."""
    values = of_dashboard(dashboard)
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    return {
        "dashboard": dashboard,
        "from_ms": round(asked.from_s * 1000),
        "to_ms": round(asked.to_s * 1000),
        "series": {str(panel["id"]): _series(panel, values, prometheus, asked) for panel in panels},
        "marks": [mark for one in dashboard["annotations"]["list"] for mark in _marks(one, values, prometheus, asked)],
        "variables": [_shown(one) for one in dashboard["templating"]["list"]],
    }


def _series(panel: Json, values: Json, prometheus: Prometheus, asked: Asked) -> list[dict[str, Any]]:
    step_s = interval_s(asked.span_s, asked.width * panel["gridPos"]["w"] // COLUMNS, SCRAPE_S)
    known = {**values, **of_intervals(step_s, SCRAPE_S, asked.span_s)}
    made = []
    for target in panel["targets"]:
        expr = substituted(target["expr"], known)
        if target.get("instant"):
            grid_s, results = [asked.to_s], prometheus.query(expr, asked.to_s)
        else:
            grid_s = grid(asked, step_s)
            results = prometheus.query_range(expr, grid_s[0], grid_s[-1], step_s)
        made += series(target["refId"], target.get("legendFormat", ""), results, grid_s)
    return made


def grid(asked: Asked, step_s: int) -> list[float]:
    """The times that are asked for: whole steps, as Grafana aligns them."""
    first, last = math.ceil(asked.from_s / step_s), math.floor(asked.to_s / step_s)
    return [float(number * step_s) for number in range(first, last + 1)]


def _marks(annotation: Json, values: Json, prometheus: Prometheus, asked: Asked) -> list[dict[str, Any]]:
    step_s = max(
        int(annotation.get("step", SCRAPE_INTERVAL).removesuffix("s")),
        interval_s(asked.span_s, asked.width, SCRAPE_S),
    )
    expr = substituted(annotation["expr"], {**values, **of_intervals(step_s, SCRAPE_S, asked.span_s)})
    times_s = grid(asked, step_s)
    results = prometheus.query_range(expr, times_s[0], times_s[-1], step_s)
    return marks(annotation["name"], annotation["iconColor"], annotation["textFormat"], results, step_s)


def _shown(variable: Json) -> dict[str, str]:
    text = variable["query"] if variable["type"] == "textbox" else variable["current"]["text"]
    return {"label": variable["label"], "text": ", ".join(text) if isinstance(text, list) else str(text)}
