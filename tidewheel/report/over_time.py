"""Lines over the windows of a run: what the bettor has, how models did on later rows, what it would have come to."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tidewheel.domain.betting import STRONG_AT, WEAK_AT
from tidewheel.domain.prices import E9
from tidewheel.presentation.sentences import wealth_text
from tidewheel.presentation.typography import money, number
from tidewheel.report.markup import tag
from tidewheel.report.scales import padded_range, ticks
from tidewheel.report.svg import Margins, Plot, Point, coordinate, figure, label, line_segment, responsive, svg
from tidewheel.report.whole_run import InstrumentHistory, cumulated

HEIGHT = 280
ROOM = Margins(left=78, right=22, top=34)
DOTS_MAX = 80
# A bettor may have anything between nothing and 1e300; what lies beyond is drawn at the edge.
LOG_WEALTH_MIN, LOG_WEALTH_MAX = -4.0, 12.0
LEGEND_GAP, SAMPLE = 16, 22
LETTER = 7.0  # about, of the drawings' type


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, its class, and its name in the legend."""

    name: str
    kind: str
    points: Sequence[Point]


def wealth(history: InstrumentHistory) -> Markup | None:
    """The bettor's wealth after each window, gross and net, on a scale of powers of ten; None without a scorecard."""
    rows = history.wealth
    if not rows:
        return None
    lines = (
        Line("gross: at the bid", "curve", [(seq, _log(gross)) for seq, gross, _ in rows]),
        Line("net: pays the spread", "best", [(seq, _log(net)) for seq, _, net in rows]),
    )
    y = padded_range((0.0, math.log10(STRONG_AT), *(v for line in lines for _, v in line.points)), margin=0.08)

    def draw(width: int) -> Markup:
        plot = Plot.of(width, HEIGHT, _reach(history), y, ROOM)
        tooltips = [f"window {seq}: {wealth_text(gross)}, net {wealth_text(net)}" for seq, gross, net in rows]
        return svg(
            "What a bettor on the models has after each window, gross and net of the spread",
            *(width, HEIGHT),
            *_powers(plot),
            *_windows(plot, width),
            *(_level(plot, math.log10(at), name) for at, name in ((WEAK_AT, "weak"), (STRONG_AT, "strong"))),
            plot.horizontal_line(0.0, "base"),
            *(plot.line(line.points, line.kind) for line in reversed(lines)),
            *_dots(plot, lines[0], tooltips),
            *_legend(plot, lines),
        )

    text = (
        "e-values: she began with 1 (the broken line) and backs what the models flag, one order at a time. Above the "
        f"dotted lines is evidence of an edge, {WEAK_AT:g} weak and {STRONG_AT:g} strong, whenever one looks."
    )
    return figure(responsive(draw), text)


def precision(history: InstrumentHistory) -> Markup | None:
    """Precision, recall and base rate on the window after each model's own; None without a scorecard."""
    cards = history.scorecards
    if not cards:
        return None
    lines = (
        Line("precision", "curve", [(seq, card.precision) for seq, card in cards if card.flagged]),
        Line("recall", "best", [(seq, card.recall) for seq, card in cards if card.positives]),
        Line("base rate", "base", [(seq, card.base_rate) for seq, card in cards]),
    )
    tooltips = [
        f"window {seq}: precision {number(card.precision)}, base rate {number(card.base_rate)}, {card.flagged} flagged"
        for seq, card in cards
        if card.flagged
    ]

    def draw(width: int) -> Markup:
        plot = Plot.of(width, HEIGHT, _reach(history), (0.0, 1.0), ROOM)
        return svg(
            "Precision, recall and base rate on the window after each model's own",
            *(width, HEIGHT),
            plot.axes("window", "", x_ticks=_window_ticks(plot, width)),
            *(plot.line(line.points, line.kind) for line in reversed(lines)),
            *_dots(plot, lines[0], tooltips),
            *_legend(plot, lines),
        )

    text = (
        "Each model on the window after its own, at the threshold it went out with. Flagging by chance, or everything, "
        "reaches the base rate. One window swings widely: its rows share their future."
    )
    return figure(responsive(draw), text)


def profit(history: InstrumentHistory) -> Markup | None:
    """Profit and loss of flagged orders, cumulated over windows; None without a scorecard."""
    points = [(seq, value / E9) for seq, value in cumulated(history.scorecards)]
    if not points:
        return None
    y = padded_range((value for _, value in points), 0.0, margin=0.08)
    line = Line("flagged orders, all windows so far", "curve", points)

    def draw(width: int) -> Markup:
        plot = Plot.of(width, HEIGHT, _reach(history), y, ROOM)
        tooltips = [f"window {seq}: {money(value * E9)}" for seq, value in points]
        return svg(
            "Profit and loss of flagged orders, cumulated over windows",
            *(width, HEIGHT),
            plot.axes("window", "quote currency", x_ticks=_window_ticks(plot, width)),
            plot.horizontal_line(0.0, "base"),
            plot.line(line.points, line.kind),
            *_dots(plot, line, tooltips),
            *_legend(plot, (line,)),
        )

    text = (
        "Had one unit been bought of every flagged order: exit less entry, so the spread is paid and no more. Many "
        "flagged orders are open at once, and are one bet rather than many."
    )
    return figure(responsive(draw), text)


def _log(value: float) -> float:
    return min(max(math.log10(value), LOG_WEALTH_MIN), LOG_WEALTH_MAX) if value > 0 else LOG_WEALTH_MIN


def _reach(history: InstrumentHistory) -> tuple[float, float]:
    first, last = history.windows[0].sources.seq, history.windows[-1].sources.seq
    return first - 0.5, last + 0.5


def _window_ticks(plot: Plot, width: int) -> list[float]:
    """Whole windows only."""
    low, high = plot.x.low, plot.x.high
    return [at for at in ticks(low, high, 12 if width > 600 else 6) if at == round(at)]


def _windows(plot: Plot, width: int) -> Iterable[Markup]:
    """The axis of windows alone."""
    yield line_segment((plot.x.start, plot.y.start), (plot.x.end, plot.y.start), "axis")
    for at in _window_ticks(plot, width):
        yield plot.tick(at)
        yield label(plot.x(at), plot.y.start + 18, f"{at:,.0f}", "middle")
    yield label((plot.x.start + plot.x.end) / 2, plot.y.start + 38, "window", "middle", "name")


def _powers(plot: Plot) -> Iterable[Markup]:
    """Grid and ticks of a scale whose values are logarithms."""
    for value in sorted({round(one) for one in ticks(plot.y.low, plot.y.high, 6)}):
        if plot.y.low <= value <= plot.y.high:
            yield plot.horizontal_line(value, "grid")
            yield label(plot.x.start - 7, plot.y(value) + 4, _power_text(value), "end")
    middle = coordinate((plot.y.start + plot.y.end) / 2)
    yield label(14, float(middle), "wealth", "middle", "name", transform=f"rotate(-90 14 {middle})")


def _power_text(exponent: int) -> str:
    return f"{10**exponent:,}" if 0 <= exponent <= 6 else f"1e{exponent}".replace("-", "−")


def _level(plot: Plot, at: float, name: str) -> Markup:
    drawn = plot.horizontal_line(at, "floor"), label(plot.x.start + 6, plot.y(at) - 4, name, kind="tick halo")
    return tag("g", *drawn)


def _dots(plot: Plot, line: Line, tooltips: Sequence[str]) -> Iterable[Markup]:
    """A dot a point, that tells its figures; none where they would be a band."""
    if len(line.points) <= DOTS_MAX:
        for point, text in zip(line.points, tooltips, strict=True):
            yield plot.dot(point, "dot", 3.5, text)


def _legend(plot: Plot, lines: Iterable[Line]) -> Iterable[Markup]:
    """A sample of each line with its name, above the plot."""
    x, y = plot.x.start, plot.y.end - 18
    for line in lines:
        yield line_segment((x, y - 4), (x + SAMPLE, y - 4), line.kind)
        yield label(x + SAMPLE + 6, y, line.name)
        x += SAMPLE + 6 + LETTER * len(line.name) + LEGEND_GAP
