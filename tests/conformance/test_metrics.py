"""Every metric is declared in one place, and every declared one is recorded somewhere."""

import re
from collections.abc import Iterable, Mapping
from math import prod

import pytest
from grpc import StatusCode
from prometheus_client.metrics import MetricWrapperBase

from services.predictor.refusals import RefusalReason
from services.predictor.trust.assessment import FlagKind
from tests.tidy.tree import PRODUCT, Source, full_names, imports, sources
from tidewheel.domain.feeds import VENUES
from tidewheel.domain.orders import NotPlacedReason
from tidewheel.domain.training import RunReason
from tidewheel.local.scenarios.declared import SCENARIOS, Step
from tidewheel.recordings.account import Anomaly
from tidewheel.telemetry import metrics
from tidewheel.telemetry.declaration import INGEST, INSTRUMENT, INSTRUMENTS_MAX, LABELS, RUN, SERVICES, Declared
from tidewheel.telemetry.exposition import PROCESS_METRICS
from tidewheel.venues.connection_life import Loss
from tidewheel.venues.intake import Kind

DECLARED = {name: value for name, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)}
INSTRUMENTS = 1_000
SERIES_MAX = 50_000
BUCKETS = 17  # of the finest histogram, with infinity
# How many values a label may have in one process, at most, where all that can happen has happened. Versions: the model
# that serves and those whose counts are not yet forgotten.
VALUES: Mapping[str, int] = {
    **dict.fromkeys(("service", "group", "verdict"), 1),
    **dict.fromkeys(("source", "topic", "which", "side", "label", "agrees", "model", "waiting_for"), 2),
    "model_version": 6,  # of the 5 that served last, and older ones
    **dict.fromkeys(("partition", "outcome", "result"), 3),
    "venue": len(VENUES),
    "kind": len(Anomaly),
    "flag": len(FlagKind),
    "method": 8,
    "code": len(StatusCode),
    "process": 7,
    "scenario": len(SCENARIOS),
    "step": len(Step),
}
REASONS: Mapping[str, int] = {
    "tidewheel_dead_letters_total": 8,  # of a quote, or of a record
    "tidewheel_orders_not_placed_total": len(NotPlacedReason),
    "tidewheel_kafka_producer_renewals_total": 8,
    "tidewheel_training_runs_total": len(RunReason) + 1,
    "tidewheel_refusals_total": len(RefusalReason),
    "tidewheel_predictions_lost_total": 4,
    "tidewheel_rpcs_ended_total": 2,
    "tidewheel_venue_connections_lost_total": len(Loss),
    "tidewheel_model_swap_failures_total": 2,  # of an instrument: one attack or one damage at a time
}


def series(service: str, instruments: int, *, live: bool = False) -> int:
    """Time series of a process of a service that handles so many instruments. `live`: it hears all venues."""
    shown = min(instruments, INSTRUMENTS_MAX) + (instruments > INSTRUMENTS_MAX)
    total = len(PROCESS_METRICS)
    for one in metrics.CATALOGUE.declared.values():
        if service in one.services and (live or "venue" not in one.labels):
            outcomes = len(Kind) if "venue" in one.labels else VALUES["outcome"]
            sizes = {**VALUES, "outcome": outcomes, INSTRUMENT: shown, "reason": REASONS.get(one.name, 0)}
            if service == INGEST:
                sizes["source"] = 1  # its feed
            total += prod(sizes[label] for label in one.labels) * (BUCKETS + 2 if one.kind == "histogram" else 1)
    return total


MODULE = metrics.__name__ + "."


def product() -> list[Source]:
    own = tuple(
        f"tidewheel/telemetry/{name}.py" for name in ("metrics", "order_metrics", "venue_metrics", "declaration")
    )
    return [s for s in sources() if s.path.startswith(PRODUCT) and s.path not in own]


def recorded(sources: Iterable[Source]) -> set[str]:
    """Constants of the metrics module that sources use."""
    names = (name for source in sources for _, name in (*imports(source), *full_names(source)))
    return {name.removeprefix(MODULE).split(".")[0] for name in names if name.startswith(MODULE)}


def made_elsewhere(sources: Iterable[Source]) -> list[str]:
    """Places outside the module that make a metric."""
    kinds = tuple(f"prometheus_client.{kind}" for kind in ("Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"))
    return [f"{s.path}:{line} {name}" for s in sources for line, name in full_names(s) if name in kinds]


def test_every_declared_metric_is_recorded() -> None:
    assert sorted(set(DECLARED) - recorded(product())) == []


def test_every_recorded_metric_is_declared() -> None:
    assert sorted(recorded(product()) - set(vars(metrics))) == []
    assert made_elsewhere(product()) == []


@pytest.mark.parametrize("constant", DECLARED)
def test_names_and_words(constant: str) -> None:
    (metric,) = DECLARED[constant].describe()
    assert re.fullmatch(r"tidewheel_[a-z_]+[a-z]", metric.name)
    assert metric.documentation.endswith("."), "a sentence on when it moves"
    if metric.type == "histogram":
        assert metric.name.endswith(("_seconds", "_ratio"))


def test_planted_metrics_are_found() -> None:
    stray = Source("services/a.py", "from tidewheel.telemetry import metrics\nmetrics.NO_SUCH.inc()")
    assert recorded([stray]) - set(vars(metrics)) == {"NO_SUCH"}
    own = Source("services/a.py", "from prometheus_client import Counter\nX = Counter('x', 'x')")
    assert len(made_elsewhere([own])) == 1


@pytest.mark.parametrize("one", metrics.CATALOGUE.declared.values(), ids=lambda one: one.name)
def test_declarations_are_complete(one: Declared) -> None:
    assert set(one.labels) <= set(LABELS), "each label's values are described"
    assert set(one.services) <= {*SERVICES, RUN}
    assert one.services
    assert (one.kind == "counter") == one.name.endswith("_total")
    assert one.labels.index(INSTRUMENT) == 0 if INSTRUMENT in one.labels else True
    if "reason" in one.labels:
        assert one.name in REASONS, "its reasons are a closed set"


def test_a_thousand_instruments_are_not_too_many_series() -> None:
    """An ingest each, or one that hears them all live, and one of each other service that handles all of them."""
    alone = max(INSTRUMENTS * series(SERVICES[0], 1), series(SERVICES[0], INSTRUMENTS, live=True))
    others = {service: series(service, INSTRUMENTS) for service in SERVICES[1:]}
    assert alone + sum(others.values()) <= SERIES_MAX, (alone, others)


def test_without_a_bound_they_would_be() -> None:
    per_instrument = sum(series(service, 2) - series(service, 1) for service in SERVICES)
    assert per_instrument * INSTRUMENTS > SERIES_MAX
