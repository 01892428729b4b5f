"""What PromQL queries name, by a parser of the language, and what of it nobody declares."""

from collections.abc import Iterable, Iterator

import promql_parser

from tidewheel.observability.recording import RECORDING_RULES
from tidewheel.telemetry.exposition import PROCESS_METRICS
from tidewheel.telemetry.metrics import CATALOGUE

# What Prometheus itself makes of each target, and of alerts.
OF_PROMETHEUS = {"up", "ALERTS"}
# What Grafana puts in the place of variables, where all is chosen.
OF_GRAFANA = {
    "$__rate_interval": "20s",
    "$__interval": "5s",
    "$__range": "900s",
    "$instrument": ".*",
    "$version": ".*",
}


def filled(expr: str) -> str:
    """A panel's query as Grafana sends it."""
    for variable, value in OF_GRAFANA.items():
        expr = expr.replace(variable, value)
    return expr


def unknown(exprs: Iterable[str]) -> list[str]:
    """What queries name that is neither declared nor recorded, and labels that a metric does not have."""
    declared = CATALOGUE.series_names()
    known = {*declared, *PROCESS_METRICS, *OF_PROMETHEUS, *(rule.name for rule in RECORDING_RULES)}
    found = []
    for expr in exprs:
        for name, labels in selectors(expr):
            if name not in known:
                found.append(name)
            elif one := declared.get(name):
                own = {*one.labels, "job", "instance", "le"}
                found += [f"{name}{{{label}}}" for label in labels if label not in own]
    return found


def selectors(expr: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every metric that a query names, with the labels that it asks for."""
    return list(_selectors(promql_parser.parse(expr)))


def metrics_named(expr: str) -> set[str]:
    """Without the labels."""
    return {name for name, _ in selectors(expr)}


def _selectors(node: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node.name or "", tuple(matcher.name for matcher in node.matchers.matchers)
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        if (inner := getattr(node, part, None)) is not None:
            yield from _selectors(inner)
    for argument in getattr(node, "args", None) or ():
        yield from _selectors(argument)
