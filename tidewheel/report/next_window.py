"""How the model did on the rows after its window, and what all models' next windows say of the procedure."""

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from tidewheel.domain.models import ModelRecord, Scorecard
from tidewheel.presentation.numbers import count, percent
from tidewheel.presentation.typography import money, number
from tidewheel.report.evaluation import effective_rows_text
from tidewheel.report.markup import joined, tag
from tidewheel.report.run_report import RunReport
from tidewheel.report.svg import Margins, Plot, figure, label, rect, responsive, svg
from tidewheel.report.tables import definition_list, table

BAR_HEIGHT = 30


@dataclass(frozen=True, slots=True)
class FlagCounts:
    """What someone flagged of some rows, and how often that was right."""

    who: str
    rows: int
    positives: int
    flagged: int
    hits: int

    @property
    def precision(self) -> float | None:
        return self.hits / self.flagged if self.flagged else None


def section(report: RunReport) -> Markup:
    """The next window's scorecard, then the evidence."""
    card = report.scorecard
    body = _judged(card, report.record) if card else tag("p", _why_not(report), class_="missing")
    return joined((body, _evidence(report)))


def _why_not(report: RunReport) -> str:
    if report.verdict is not None and not report.sha256:
        return "There is nothing to judge: the run left no model."
    return "Not judged yet: the next window is open, or what is known of it is not here."


def _judged(card: Scorecard, record: ModelRecord | None) -> Markup:
    if not card.rows:
        return tag(
            "p",
            "No order of the next window was placed after this one closed: there is nothing to judge on.",
            class_="missing",
        )
    compared = _compared(card, record)
    return joined((tag("p", _whose(card)), _bars(compared, card), _figures(card), _table(compared), _calibrated(card)))


def _whose(card: Scorecard) -> str:
    return (
        "What a user of the model would have got: orders placed after its window closed and resolved before the next "
        f"one did, at the threshold fixed before. These are {effective_rows_text(card.rows, card.effective_rows)}."
    )


def _figures(card: Scorecard) -> Markup:
    each, chosen = card.pnl_e9 / card.rows, card.flagged_pnl_e9 / card.flagged if card.flagged else None
    return definition_list(
        (
            ("precision", number(card.precision)),
            ("recall", number(card.recall)),
            ("base rate", number(card.base_rate)),
            ("flagged", f"{count(card.flagged)} ({percent(card.flagged, card.rows)})"),
            (
                "profit and loss per flagged order, quote currency",
                money(chosen) if chosen is not None else "none flagged",
            ),
            ("per order of all, quote currency", money(each)),
        )
    )


def _compared(card: Scorecard, record: ModelRecord | None) -> list[FlagCounts]:
    """This model, and whoever else was asked about the same rows."""
    found = [FlagCounts("this model", card.rows, card.positives, card.flagged, card.hits)]
    champion, baseline = record.champion if record else None, card.baseline
    if champion is not None:
        found.append(
            FlagCounts(f"model {champion.seq}, served then", card.rows, card.positives, champion.flagged, champion.hits)
        )
    if baseline is not None:
        rows = "" if baseline.rows == card.rows else f" ({count(baseline.rows)} rows)"
        found.append(
            FlagCounts(f"online baseline{rows}", baseline.rows, baseline.positives, baseline.flagged, baseline.hits)
        )
    return found


def _bars(compared: list[FlagCounts], card: Scorecard) -> Markup:
    def draw(width: int) -> Markup:
        room = Margins(left=150, right=60, top=22, bottom=28)
        height = room.top + room.bottom + BAR_HEIGHT * len(compared)
        plot = Plot.of(width, height, (0.0, 1.0), (0.0, float(len(compared))), room)
        return svg(
            "Precision on the next window beside its base rate",
            *(width, height),
            *(label(plot.x(v / 5), plot.y.start + 18, f"{v / 5:.1f}", "middle") for v in range(6)),
            *(plot.vertical_line(v / 5, "grid") for v in range(6)),
            *(part for row, one in enumerate(compared) for part in _bar(plot, row, one)),
            plot.vertical_line(card.base_rate, "base"),
            label(plot.x(card.base_rate), plot.y.end - 8, f"base rate {number(card.base_rate)}", "middle"),
        )

    text = (
        "Precision, with the base rate as a line: flagging by chance, or everything, reaches that. Right of it is "
        "better than chance on these rows."
    )
    return figure(responsive(draw), text)


def _bar(plot: Plot, row: int, one: FlagCounts) -> Iterator[Markup]:
    top, precision = plot.y.end + row * BAR_HEIGHT, one.precision
    yield label(plot.x.start - 10, top + 20, one.who.split(" (")[0], "end")
    if precision is not None:
        yield rect(
            plot.x.start, top + 6, plot.x(precision) - plot.x.start, BAR_HEIGHT - 12, "bar" if row == 0 else "bar other"
        )
    text = number(precision) if precision is not None else "nothing flagged"
    yield label(plot.x(precision or 0.0) + 6, top + 20, text, "start", "tick halo")


def _table(compared: list[FlagCounts]) -> Markup:
    head = ("who", "rows", "base rate", "flagged", "flagged share", "of them PROFIT", "precision", "recall")
    rows = (
        (
            one.who,
            count(one.rows),
            number(one.positives / one.rows if one.rows else None),
            count(one.flagged),
            percent(one.flagged, one.rows),
            count(one.hits),
            number(one.precision),
            number(one.hits / one.positives if one.positives else None),
        )
        for one in compared
    )
    return table("On rows of the next window", head, rows)


def _calibrated(card: Scorecard) -> Markup | None:
    return (
        None
        if any(one.rows for one in card.calibration)
        else tag("p", "Its scores were not counted by size.", class_="note")
    )


def _evidence(report: RunReport) -> Markup:
    sources = report.sources
    summaries = (("before this window", sources.before), ("as of now", sources.now))
    lines = [tag("li", tag("b", f"{when}: "), summary.text + ".") for when, summary in summaries if summary is not None]
    text = (
        "One window cannot show an edge, since its rows share their future. The question is asked of the procedure, "
        "over the next windows of successive models, each at a threshold fixed beforehand."
    )
    lacking = tag("p", "The registry's records are not here, so the evidence cannot be weighed.", class_="missing")
    return joined((tag("h3", "Evidence"), tag("p", text), tag("ul", *lines) if lines else lacking))
