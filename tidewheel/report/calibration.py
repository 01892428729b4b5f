"""Whether scores mean what they say: of rows scored 0.7, are seven in ten PROFIT?"""

from markupsafe import Markup

from tidewheel.domain.models import CalibrationBin
from tidewheel.presentation.numbers import count
from tidewheel.presentation.typography import number
from tidewheel.report.evaluation import describe_part, effective_rows_text
from tidewheel.report.markup import joined, tag
from tidewheel.report.run_report import RunReport
from tidewheel.report.scales import padded_range
from tidewheel.report.svg import Margins, Plot, figure, svg

WIDTH, HEIGHT, COUNTS_HEIGHT = 320, 250, 116
WHOLE = (0.0, 1.0)
FEW_ROWS = 20
Bins = tuple[CalibrationBin, ...]
ROOM = Margins(left=62, right=10, top=10, bottom=12)


def section(report: RunReport) -> Markup | None:
    """A reliability diagram for each set of rows whose scores were counted; None where none were."""
    drawn = [_diagram(name, bins, rows) for name, bins, rows in _counted(report) if any(one.rows for one in bins)]
    text = (
        "Rows in ten equal parts of the score: across, their mean score; upwards, the share that became PROFIT. On the "
        f"dashed diagonal a score is a probability. Hollow: fewer than {FEW_ROWS} rows. Below: how many rows."
    )
    return joined((tag("p", text), tag("div", *drawn, class_="triple"))) if drawn else None


def _counted(report: RunReport) -> list[tuple[str, Bins, str]]:
    """Name, bins, and which rows they are of."""
    found = [(name, part.calibration, describe_part(name, part)) for name, part in report.parts.items()]
    card = report.scorecard
    if card is not None:
        found.append(
            ("next window", card.calibration, f"next window: {effective_rows_text(card.rows, card.effective_rows)}")
        )
    return found


def _diagram(name: str, bins: Bins, rows: str) -> Markup:
    filled = [one for one in bins if one.rows]
    plot = Plot.of(WIDTH, HEIGHT, WHOLE, WHOLE, ROOM)
    points = [((one.score_sum / one.rows, one.positives / one.rows), one) for one in filled]
    drawn = svg(
        f"Share of PROFIT by score on the {name} rows, and how many rows have each score",
        *(WIDTH, HEIGHT + COUNTS_HEIGHT),
        plot.axes("", "share of PROFIT", x_ticks=[]),
        plot.line(((0.0, 0.0), (1.0, 1.0)), "diagonal"),
        plot.line((point for point, _ in points), "curve thin"),
        *(
            plot.dot(point, "dot" if one.rows >= FEW_ROWS else "dot hollow", 4.5, _bin_title(one))
            for point, one in points
        ),
        tag("g", *_counts(bins), transform=f"translate(0 {HEIGHT})"),
    )
    return figure(drawn, tag("b", name), rows.removeprefix(name) + ".")


def _counts(bins: Bins) -> list[Markup]:
    most = max(one.rows for one in bins)
    _, high = padded_range([most], 0.0, margin=0.1)
    plot = Plot.of(WIDTH, COUNTS_HEIGHT, WHOLE, (0.0, high), Margins(ROOM.left, ROOM.right, top=8, bottom=46))
    width = 1 / len(bins)
    bars = (
        plot.bar(at * width + 0.006, (at + 1) * width - 0.006, one.rows, "bar", _bin_title(one))
        for at, one in enumerate(bins)
    )
    return [plot.axes("score", "rows", y_about=2), *bars]


def _bin_title(one: CalibrationBin) -> str:
    if not one.rows:
        return "no rows"
    share, mean = number(one.positives / one.rows), number(one.score_sum / one.rows)
    return f"{count(one.rows)} rows, mean score {mean}, share of PROFIT {share}"
