"""What a declaration of a metric is made of: who exports it, when it moves, which values its labels take.

Names of instruments are bounded: a process that has seen `INSTRUMENTS_MAX` of them counts the rest together as
`other`, and shows no gauge of the rest, since the last of many would pass for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

# A time series more a counter and two a histogram, of which nobody makes use: rates notice a restart by themselves.
disable_created_metrics()  # type: ignore[no-untyped-call]

INSTRUMENT = "instrument"
INSTRUMENTS_MAX = 100
OTHER = "other"
# Services, and `run`: the program that runs all of them on one machine.
INGEST, ORDERBOT, LABELER, TRAINER, PREDICTOR, RUN = "ingest", "orderbot", "labeler", "trainer", "predictor", "run"
SERVICES = (INGEST, ORDERBOT, LABELER, TRAINER, PREDICTOR)
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "seconds": "seconds",
        "seconds_total": "seconds",
        "bytes": "bytes",
        "records": "records",
        "ratio": "ratio, 0 to 1",
        "price": "quote currency",
    }
)
# What each label's values are: closed sets, and names that are bounded.
LABELS: Mapping[str, str] = MappingProxyType(
    {
        INSTRUMENT: f"an instrument's id; at most {INSTRUMENTS_MAX} a process, the rest is `{OTHER}`",
        "service": "the service that exports it",
        "venue": "a live venue",
        "topic": "a topic of ours",
        "group": "a consumer group of ours",
        "partition": "a partition's number",
        "source": "the topic that a record is of; `feed`: a row of what ingest reads; `rpc`: a call",
        "reason": "a word of the closed set that is declared with what it is the reason of",
        "outcome": "how it came out, a word of few",
        "kind": "what is worth telling of a row, a word of few",
        "verdict": "`published`, `refused`, `failed`",
        "side": "`gross`: against the bid; `net`: who buys pays the spread",
        "which": "`best` or `last` of a run's trials",
        "model_version": "the window number of a model; those that served long ago are forgotten",
        "model": "`serving`, or `older`: one that the caller chose",
        "label": "`1`: flagged, `0`: not",
        "method": "a method of the predictor",
        "code": "a status code of gRPC",
        "waiting_for": "what a caller kept a call waiting for: a message, a reply",
        "why": "a word of few",
        "flag": "a kind of trust flag",
        "agrees": "`true`, `false`",
        "result": "`equal`, `different`, `other_quote`",
        "process": "a process of the run: a service, `kafka`, `redis`",
        "scenario": "a name that `tidewheel scenario list` shows",
        "step": "`begins`, `fault`, `fires`, `undone`, `over`",
    }
)

M = TypeVar("M", bound=MetricWrapperBase)


class InstrumentNames:
    """The instruments that a process shows by name: the first ones it meets."""

    def __init__(self, names_max: int) -> None:
        self._names_max = names_max
        self._shown: set[str] = set()

    def is_shown(self, name: str) -> bool:
        """Whether the instrument has, or now gets, a name of its own."""
        if name in self._shown:
            return True
        if len(self._shown) >= self._names_max:
            return False
        self._shown.add(name)  # two threads at once may go one or two beyond
        return True

    def clear(self) -> None:
        """Forget all, for tests."""
        self._shown.clear()


NAMES = InstrumentNames(INSTRUMENTS_MAX)


def _is_shown(name: object) -> bool:
    """An instrument is the first label wherever it is one; none at all is of what all share."""
    return name in ("", OTHER) or NAMES.is_shown(str(name))


class InstrumentCounter(Counter):
    """Counts the instruments that are not shown together."""

    def labels(self, *values: object, **named: object) -> "InstrumentCounter":
        return super().labels(*(values if _is_shown(values[0]) else (OTHER, *values[1:])), **named)


class InstrumentGauge(Gauge):
    """A gauge of the instruments that are shown; what it is told of the rest is shown nowhere."""

    def labels(self, *values: object, **named: object) -> "InstrumentGauge":
        if not _is_shown(values[0]):
            return HIDDEN
        return super().labels(*values, **named)


# One for all: a gauge is told of at each second, of instruments that are not shown too.
HIDDEN = InstrumentGauge("hidden", "Shown nowhere.", registry=None)


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric as it is declared. `name`: as it is exported, a histogram's without `_bucket`. `services`: who
    exports it."""

    name: str
    kind: str
    unit: str
    labels: tuple[str, ...]
    services: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All metrics that are declared: as values, and as what is recorded with."""

    registry: CollectorRegistry
    declared: dict[str, Declared]
    metrics: dict[str, MetricWrapperBase]

    def exported_by(self, service: str) -> list[MetricWrapperBase]:
        """What a service's /metrics shows, beside the figures of its process."""
        return [self.metrics[name] for name, one in self.declared.items() if service in one.services]

    def series_names(self) -> dict[str, Declared]:
        """Every name that a query may have -> its metric; a histogram has three."""
        suffixes = {"histogram": ("_bucket", "_sum", "_count")}
        return {name + suffix: one for name, one in self.declared.items() for suffix in suffixes.get(one.kind, ("",))}


@dataclass(frozen=True, slots=True)
class Declarer:
    """Declares metrics of some services in a catalogue."""

    catalogue: Catalogue
    services: tuple[str, ...]

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        of = InstrumentCounter if INSTRUMENT in labels else Counter
        return self._declare(name, "counter", meaning, of, labels)

    def gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        of = InstrumentGauge if INSTRUMENT in labels else Gauge
        return self._declare(name, "gauge", meaning, of, labels)

    def histogram(self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        """Raises ValueError where it has an instrument: its series would be those of twenty counters each."""
        if INSTRUMENT in labels:
            raise ValueError(f"{name} is a histogram of each instrument: let it be one of all")
        return self._declare(name, "histogram", meaning, Histogram, labels, buckets=buckets)

    def _declare(self, name: str, kind: str, meaning: str, of: type[M], labels: tuple[str, ...], **more: Any) -> M:
        unit = next((unit for suffix, unit in UNITS.items() if name.endswith(f"_{suffix}")), "")
        self.catalogue.declared[name] = Declared(name, kind, unit, labels, self.services, meaning)
        metric = of(name, meaning, labels, registry=self.catalogue.registry, **more)
        self.catalogue.metrics[name] = metric
        return metric


REGISTRY = CollectorRegistry()
CATALOGUE = Catalogue(REGISTRY, {}, {})
