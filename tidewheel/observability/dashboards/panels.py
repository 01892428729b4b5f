"""What a dashboard is made of: questions, each with its queries and what a good answer looks like."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tidewheel.observability.rules import RUNBOOKS

GREEN, YELLOW, RED = "green", "yellow", "red"
BLUE, ORANGE, PURPLE, GREY = "blue", "orange", "purple", "text"
# Which fault of whom a call's code tells of: nobody's, the predictor's, the time's, the caller's, or the state's.
CODES = {
    "^OK$": GREEN,
    "INTERNAL|UNKNOWN|DATA_LOSS": RED,
    "UNAVAILABLE|DEADLINE_EXCEEDED|CANCELLED": ORANGE,
    "NOT_FOUND|INVALID_ARGUMENT|UNIMPLEMENTED": YELLOW,
    "PRECONDITION|OUT_OF_RANGE": BLUE,
}
INSTRUMENT = 'instrument=~"$instrument"'
VERSION = 'model_version=~"$version"'
RATE = "$__rate_interval"


class Kind(StrEnum):
    """How a panel draws: lines over time, bars stacked over time, the newest value large, or a step in colour."""

    LINES = "lines"
    BARS = "bars"
    NUMBER = "number"
    STATES = "states"


class Unit(StrEnum):
    """Grafana's ids of units."""

    COUNT = "short"
    PRICE = "none"
    RATIO = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    MARKET_SECONDS = "suffix:market s"
    TIMES = "suffix:×"
    REQUESTS_PER_SECOND = "reqps"
    QUOTES_PER_SECOND = "suffix:quotes/s"
    ORDERS_PER_SECOND = "suffix:orders/s"
    FRAMES_PER_SECOND = "suffix:frames/s"
    RECORDS_PER_SECOND = "recps"
    RUNS_PER_MINUTE = "suffix:runs/min"
    PER_MINUTE = "suffix:/min"
    DATE = "dateTimeFromNow"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and what its series are called: text with labels as `{{label}}`."""

    expr: str
    legend: str

    @property
    def of_a_histogram(self) -> bool:
        """Whether its samples may carry traces, which the panel shows beside its lines."""
        return "_bucket" in self.expr


@dataclass(frozen=True, slots=True)
class Panel:
    """One question. `good`: what a good answer looks like. `alert`: whose runbook helps where it is not good.

    `steps`: from which value on which colour holds, the first from -inf. `lines`: draw the steps as lines.
    `words`: value -> what is shown instead, and its colour. `width`: of 24. `colours`: a regular expression of series
    -> the colour that means what they mean. `least`, `most`: where the axis ends. `reach`: to where it goes at least,
    lest a zero stands on an axis to a hundred. `unwanted`: whatever it shows but none had better not be there.
    `points`, `dashed`: a regular expression of series that are drawn so.
    """

    question: str
    unit: Unit
    good: str
    alert: str
    queries: tuple[Query, ...]
    kind: Kind = Kind.LINES
    width: int = 8
    steps: Mapping[float, str] | None = None
    first_colour: str = GREEN
    lines: bool = False
    log: bool = False
    words: Mapping[int, tuple[str, str]] | None = None
    least: float | None = None
    most: float | None = None
    reach: tuple[float, float] | None = None
    decimals: int | None = None
    colours: Mapping[str, str] | None = None
    unwanted: bool = False
    points: str = ""
    dashed: str = ""

    @property
    def runbook(self) -> str:
        """Where it stands in the repository."""
        return f"{RUNBOOKS}#{self.alert.lower()}"

    @property
    def description(self) -> str:
        return f"{self.good} If not: {self.runbook}"


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together, below a title."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """What can be chosen above a dashboard. `query`: Grafana's for the values of a label."""

    name: str
    label: str
    query: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page. `questions`: what it answers, in a sentence for the documents."""

    uid: str
    title: str
    questions: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()

    @property
    def panels(self) -> list[Panel]:
        return [panel for row in self.rows for panel in row.panels]


OF_INSTRUMENT = Variable("instrument", "Instrument", "label_values(tidewheel_market_seconds_total, instrument)")
OF_VERSION = Variable("version", "Model version", "label_values(tidewheel_predictions_total, model_version)")


def rate(selector: str, by: str) -> str:
    """Of a counter, over what Grafana holds to be enough samples."""
    return f"sum by ({by}) (rate({selector}[{RATE}]))"


def or_none(expr: str, label: str, value: int = 0) -> str:
    """`expr`, or a value called none: for counters that have no series before what they count happens, and for live
    venues where there are none."""
    return f'({expr}) or on () label_replace(vector({value}), "{label}", "none", "", "")'


def nonzero(expr: str) -> str:
    """Series above 0 only: those that never happened would fill the legend."""
    return f"{expr} > 0"


def seldom(selector: str, by: str) -> str:
    """The rate of a counter that mostly stands still, or none."""
    return or_none(nonzero(rate(selector, by)), by)
