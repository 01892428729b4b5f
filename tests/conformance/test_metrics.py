"""Every metric is declared in one place, and every declared one is recorded somewhere."""

import re
from collections.abc import Iterable

import pytest
from prometheus_client.metrics import MetricWrapperBase

from tests.tidy.tree import PRODUCT, Source, full_names, imports, sources
from tidewheel.telemetry import metrics

DECLARED = {name: value for name, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)}
MODULE = metrics.__name__ + "."


def product() -> list[Source]:
    own = "tidewheel/telemetry/metrics.py"
    return [s for s in sources() if s.path.startswith(PRODUCT) and s.path != own]


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
