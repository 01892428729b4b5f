"""The panel of a live feed: whether it can be trusted just now, and what it has cost so far."""

from rich.console import Group
from rich.text import Text

from tidewheel.domain.market import SourceKind
from tidewheel.domain.time import NS_PER_S
from tidewheel.local.monitoring.observed import InstrumentState
from tidewheel.local.view.frame import Frame
from tidewheel.presentation.numbers import NONE
from tidewheel.presentation.times import clock_time, timer

LINES = 2
# Older than this, and a quote is no longer what anybody calls live.
OLD_NS = 10 * NS_PER_S
# As far off as this, and somebody's clock is not set.
SKEWED_NS = NS_PER_S


def is_live(frame: Frame) -> bool:
    """Whether what is shown comes from a venue, and so has a feed to be told of."""
    instrument = frame.instrument
    if instrument is None:
        return False
    return instrument.market.source_kind is SourceKind.LIVE and instrument.market.second >= 0


def feed(frame: Frame) -> Group:
    """The venue, since when it is subscribed, the age of its quote and its clock; then what was lost. Two lines."""
    instrument = frame.instrument
    assert instrument is not None
    health = instrument.market.health
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append_text(_connection(instrument))
    line.append("  quote ", "dim").append_text(_age(frame.now_ns - health.last_tick_ns)).append(" old", "dim")
    line.append("  clock skew ", "dim").append_text(_skew(health.skew_ns))
    counts = Text(no_wrap=True, overflow="ellipsis")
    for name, count in (
        ("gaps", health.gaps),
        ("conflated", health.conflated),
        ("rejected", health.rejected),
        ("lost connections", health.lost),
    ):
        counts.append(f"{name} ", "dim").append(f"{count:,}", "bold yellow" if count else "").append("  ")
    return Group(line, counts)


def _connection(instrument: InstrumentState) -> Text:
    venue, since_ns = instrument.name.partition(":")[0], instrument.market.health.since_ns
    if since_ns:
        return Text.assemble(("● ", "green"), venue, (" since ", "dim"), clock_time(since_ns // NS_PER_S))
    return Text.assemble(("✘ ", "bold red"), venue, (" not subscribed", "bold red"))


def _age(age_ns: int) -> Text:
    if age_ns < OLD_NS:
        return Text(f"{max(0, age_ns) / NS_PER_S:.1f} s", style="bold")
    return Text(timer(age_ns / NS_PER_S), style="bold yellow")


def _skew(skew_ns: int | None) -> Text:
    if skew_ns is None:
        return Text(NONE, style="dim")
    return Text(f"{skew_ns / 1e6:+,.0f} ms", style="bold yellow" if abs(skew_ns) > SKEWED_NS else "")
