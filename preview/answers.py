"""Prometheus's answers as the page draws them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from preview.templating import legend

Json = Mapping[str, Any]


def series(ref: str, template: str, results: Iterable[Json], grid_s: Sequence[float]) -> list[dict[str, Any]]:
    """Each series on the whole grid: a step without a value, and what is no number, is a gap."""
    made = []
    for one in results:
        at = dict(_samples(one))
        values = [at.get(time_s) for time_s in grid_s]
        name = legend(template, one["metric"])
        made.append(
            {"refId": ref, "name": name, "times": [round(time_s * 1000) for time_s in grid_s], "values": values}
        )
    return made


def _samples(result: Json) -> Iterable[tuple[float, float]]:
    for time_s, text in result.get("values") or [result["value"]]:
        if math.isfinite(value := float(text)):
            yield float(time_s), value


def marks(name: str, colour: str, template: str, results: Iterable[Json], step_s: int) -> list[dict[str, Any]]:
    """An annotation's marks. Neighbouring steps above 0 are one that lasts, as in Grafana."""
    made: list[dict[str, Any]] = []
    for one in results:
        text = legend(template, one["metric"])
        before_s = -math.inf
        for time_s in (time_s for time_s, value in _samples(one) if value > 0):
            if time_s - before_s > step_s:
                at_ms = round(time_s * 1000)
                made.append({"from_ms": at_ms, "to_ms": at_ms, "name": name, "colour": colour, "text": text})
            made[-1]["to_ms"] = round(time_s * 1000)
            before_s = time_s
    return sorted(made, key=lambda mark: mark["from_ms"])
