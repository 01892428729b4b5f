"""What Grafana puts in the place of a query's variables, by a dashboard's JSON."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from preview.errors import PreviewError

ALL = "$__all"
# `$1` is a group of a regular expression.
NAME = re.compile(r"\$(?:([A-Za-z_]\w*)|\{(\w+)(?::\w+)?\})")
LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")
NICE_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600)


def interval_s(span_s: float, points: int, least_s: int) -> int:
    """Grafana's step: so that a panel of so many points is not asked for more, rounded up, and at least `least_s`."""
    wanted = max(span_s / points, least_s)
    return next((nice for nice in NICE_S if nice >= wanted), NICE_S[-1])


def rate_interval_s(step_s: int, scrape_s: int) -> int:
    """Grafana's `$__rate_interval`: four scrapes at least."""
    return max(step_s + scrape_s, 4 * scrape_s)


def of_intervals(step_s: int, scrape_s: int, span_s: float) -> dict[str, str]:
    """Grafana's own variables."""
    return {
        "__interval": f"{step_s}s",
        "__interval_ms": str(step_s * 1000),
        "__rate_interval": f"{rate_interval_s(step_s, scrape_s)}s",
        "__range": f"{span_s:.0f}s",
        "__range_s": f"{span_s:.0f}",
    }


def of_dashboard(dashboard: Mapping[str, Any]) -> dict[str, str]:
    """Its variables as they are chosen in its JSON, several values as a regular expression."""
    return {one["name"]: _chosen(one) for one in dashboard["templating"]["list"]}


def _chosen(variable: Mapping[str, Any]) -> str:
    if variable["type"] == "textbox":
        return str(variable.get("query", ""))
    value = variable["current"]["value"]
    values = value if isinstance(value, list) else [value]
    if ALL in values:
        return str(variable.get("allValue") or ".*")
    if variable["type"] == "query" and len(values) > 1:
        return f"({'|'.join(re.escape(one) for one in values)})"
    return str(values[0])


def substituted(text: str, values: Mapping[str, str]) -> str:
    """Raises PreviewError where a variable is not known: Grafana would send its bare name."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in values:
            raise PreviewError(f"a query names ${name}, which the dashboard does not have: {text}")
        return values[name]

    return NAME.sub(value, text)


def legend(template: str, labels: Mapping[str, str]) -> str:
    """What a series is called: `{{label}}` filled in, or where there is no template its name and labels."""
    if template and template != "__auto":
        return LABEL.sub(lambda match: labels.get(match[1], ""), template)
    return f"{labels.get('__name__', '')}{{{', '.join(_pairs(labels.items()))}}}"


def _pairs(labels: Iterable[tuple[str, str]]) -> list[str]:
    return [f'{name}="{value}"' for name, value in labels if name != "__name__"]
