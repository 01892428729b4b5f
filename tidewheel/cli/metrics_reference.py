"""`docs/metrics.md`, made from the declarations of metrics."""

from collections.abc import Iterator

from tidewheel.presentation.markdown import MADE, table
from tidewheel.telemetry.declaration import LABELS, RUN, SERVICES, Declared
from tidewheel.telemetry.exposition import PROCESS_METRICS
from tidewheel.telemetry.metrics import CATALOGUE

HEAD = f"""# Metrics

{MADE}

Each service shows its own on `/metrics`, and no other's; `tidewheel run --observe` shows those of `run` itself.
Prometheus adds `job`, which is the service, and `instance`. A counter only rises, until its process starts again; of a
histogram there are `_bucket`, `_sum` and `_count`. Market time is that of quotes, which a replay or a simulation runs
through faster than a clock; wall clock is that of the process. [watch-with-grafana.md](how-to/watch-with-grafana.md)
says how to look at them, [runbooks.md](runbooks.md) what to do when an alert fires.
"""


def metrics_page() -> str:
    """All metrics with their labels as Markdown."""
    return "\n".join([HEAD, *_sections()])


def _sections() -> Iterator[str]:
    declared = CATALOGUE.declared.values()
    shared = [one for one in declared if len(one.services) > 1]
    yield from _section("several services", shared, with_services=True)
    for service in (*SERVICES, RUN):
        yield from _section(service, [one for one in declared if one.services == (service,)])
    yield "## The process\n"
    yield "Of each process, by the client library.\n"
    yield from table(("metric", "meaning"), ((f"`{name}`", meaning) for name, meaning in PROCESS_METRICS.items()))
    yield "## Labels\n"
    yield from table(("label", "its values"), ((f"`{name}`", values) for name, values in LABELS.items()))


def _section(title: str, declared: list[Declared], *, with_services: bool = False) -> Iterator[str]:
    yield f"## {title}\n"
    head = ("metric", "kind", "unit", "labels", "when it moves and what it means")
    yield from table(
        (*head, "exported by") if with_services else head, (_cells(one, with_services) for one in declared)
    )


def _cells(one: Declared, with_services: bool) -> tuple[str, ...]:
    labels = ", ".join(f"`{label}`" for label in one.labels)
    services = "all services" if one.services == SERVICES else ", ".join(one.services)
    return (f"`{one.name}`", one.kind, one.unit, labels, one.meaning, *((services,) if with_services else ()))
