"""Whether a dashboard was drawn, by what the page says of it."""

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]


def faults(dashboard: Json, report: Json) -> Iterator[str]:
    """A sentence for each panel that is empty, was not drawn or has a title that does not fit, and each error of the
    page."""
    shown = {one["id"]: one for one in report["panels"]}
    title = dashboard["title"]
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            continue
        if (one := shown.get(panel["id"])) is None:
            yield f"{title}: {panel['title']!r} was not drawn"
            continue
        if not one["drawn"]:
            yield f"{title}: {panel['title']!r} is empty"
        if one["cut"]:
            yield f"{title}: the title {panel['title']!r} is cut"
    yield from (f"{title}: the page says {error}" for error in report["errors"])
