"""Configurations compared, as an HTML page: a section a file, how each did and which is shown better than which."""

from markupsafe import Markup

from tidewheel.domain.betting import STRONG_AT, WEAK_AT
from tidewheel.domain.comparison import Comparison, History, Lead, Standing
from tidewheel.domain.models import Evidence
from tidewheel.presentation.numbers import NONE, count, percent
from tidewheel.presentation.sentences import wealth_text
from tidewheel.presentation.typography import interval, money
from tidewheel.report.document import document
from tidewheel.report.markup import joined, tag
from tidewheel.report.scales import labels, padded_range, ticks
from tidewheel.report.svg import Margins, Plot, coordinate, figure, label, responsive, svg
from tidewheel.report.tables import table

ROW_HEIGHT = 26
ROOM = Margins(left=34, right=20, top=12, bottom=46)
HEAD = (
    *("", "configuration", "windows", "served", "flagged", "lift (95 %)", "net an order", "net in all"),
    *("e gross", "e net", "evidence"),
)
TEXT_COLUMNS = (1, 10)


def page(comparison: Comparison) -> str:
    """A comparison as one HTML document that needs nothing beside itself."""
    title = "Configurations compared"
    header = tag("header", tag("p", "Tidewheel comparison", class_="kicker"), tag("h1", title), _legend())
    sections = (_section(comparison, history) for history in comparison.histories)
    foot = tag("footer", tag("p", "Not advice: an experiment. Amounts are in quote currency, after the spread."))
    return document(title, tag("main", header, *sections, foot))


def _legend() -> Markup:
    return tag(
        "p",
        "Every model is judged on the window after its own, at the threshold it went out with. ",
        *(tag("b", "Flagged"), " is the share of those orders that it would have bought; "),
        *(tag("b", "lift"), " the share of them that were PROFIT, less that of all orders, of the last 20 models. "),
        *(tag("b", "e"), " is what a bettor who began with 1 and backs flagged orders one at a time now has: "),
        f"{WEAK_AT:g} is weak evidence of an edge, {STRONG_AT:g} strong. Gross she buys at the bid; net she pays the "
        "spread.",
    )


def _section(comparison: Comparison, history: History) -> Markup:
    parts = (_standings(history), _lifts(history), _matrix(comparison, history))
    return tag("section", tag("h2", history.name), *parts)


def _standings(history: History) -> Markup:
    rows = (_cells(number_, one) for number_, one in enumerate(history.standings, start=1))
    return table("How each configuration did", HEAD, rows, text_columns=TEXT_COLUMNS)


def _cells(place_: int, one: Standing) -> tuple[object, ...]:
    lift = NONE if one.lift is None else interval(*one.lift)
    return (
        *(place_, one.name, count(one.windows), count(one.models), percent(one.flagged, one.rows), lift),
        *(NONE if one.net_an_order_e9 is None else money(one.net_an_order_e9), money(one.net_e9)),
        *(wealth_text(one.e_gross), wealth_text(one.e_net), one.evidence),
    )


def _lifts(history: History) -> Markup | None:
    """Lift with its interval, a line a configuration."""
    known = [(row, one.lift) for row, one in enumerate(history.standings) if one.lift is not None]
    if not known:
        return None

    def draw(width: int) -> Markup:
        rows = len(history.standings)
        height = ROOM.top + ROOM.bottom + ROW_HEIGHT * rows
        reach = padded_range((bound for _, lift in known for bound in lift), 0.0)
        plot = Plot.of(width, height, reach, (0.0, float(rows)), ROOM)
        across = ticks(plot.x.low, plot.x.high, 6)
        middle = (plot.x.start + plot.x.end) / 2
        return svg(
            "Lift of each configuration with its 95 % interval",
            *(width, height),
            *(plot.vertical_line(value, "grid") for value in across),
            *(
                label(plot.x(value), plot.y.start + 18, text, "middle")
                for value, text in zip(across, labels(across), strict=True)
            ),
            plot.vertical_line(0.0, "base"),
            label(middle, plot.y.start + 38, "lift", "middle", "name"),
            *(label(plot.x.start - 8, plot.y(rows - row - 0.5) + 4, str(row + 1), "end") for row in range(rows)),
            *(_interval(plot, rows - row - 0.5, lift, history.standings[row].name) for row, lift in known),
        )

    text = "Right of the line, flagged orders were PROFIT more often than all were. Numbers as in the table."
    return figure(responsive(draw), text)


def _interval(plot: Plot, height: float, lift: tuple[float, float, float], name: str) -> Markup:
    value, low, high = lift
    y = coordinate(plot.y(height))
    tooltip = f"{name}: {interval(*lift)}"
    bar = tag("line", class_="stroke", x1=coordinate(plot.x(low)), y1=y, x2=coordinate(plot.x(high)), y2=y)
    return joined((bar, plot.dot((value, height), "dot", 5, tooltip)))


def _matrix(comparison: Comparison, history: History) -> Markup | None:
    """Every duel, both ways."""
    if len(history.standings) < 2:
        return None
    by_pair = {(lead.better, lead.worse): lead for lead in history.leads}
    places = range(len(history.standings))
    head = ("better", *(str(worse + 1) for worse in places))
    rows = (
        (
            f"{better + 1}  {history.standings[better].name}",
            *(_cell(comparison, by_pair.get((better, worse))) for worse in places),
        )
        for better in places
    )
    text = (
        "Is one better than another? A bettor stakes on a row's flagged orders bringing more, net, than those of a "
        "column in the same stretches of time; she began with 1, and the figure is what she now has. Who looks at "
        f"{count(comparison.looks)} duels asks for {count(comparison.looks)} times as much as of one: weak from "
        f"{comparison.weak_at:,.0f}, strong from {comparison.strong_at:,.0f}."
    )
    return joined((tag("h3", "Which is shown better than which"), tag("p", text), table("Wealth", head, rows)))


def _cell(comparison: Comparison, lead: Lead | None) -> object:
    if lead is None:
        return NONE
    weight = comparison.evidence(lead)
    return wealth_text(lead.e) if weight is Evidence.NONE else tag("b", f"{wealth_text(lead.e)} {weight}")
