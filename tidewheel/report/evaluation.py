"""Figures of the window's validation and test part: precision and recall, and what is flagged at three thresholds."""

import math
from collections.abc import Iterator

from markupsafe import Markup

from tidewheel.domain.models import Confusion, PartMetrics
from tidewheel.presentation.numbers import NONE, count, percent
from tidewheel.presentation.typography import number, threshold_text
from tidewheel.report.markup import joined, tag
from tidewheel.report.run_report import RunReport
from tidewheel.report.svg import Margins, Plot, figure, label, svg
from tidewheel.report.tables import table

WIDTH, HEIGHT = 460, 340
WHOLE = (0.0, 1.0)
# What a part is, beside its figures; the share is the trainer's.
PART_PERCENT = 15
WHICH = {
    "validation": "rows scored by models of other folds; the threshold was fitted on them, so it flatters",
    "test": f"the newest {PART_PERCENT} % of the window, scored by the holdout model, which had not seen them",
}
OVERLAP = (
    "Orders placed a moment apart share most of their future, so their labels overlap: a part's rows are worth far "
    "fewer independent ones, and any single window is weak evidence, however good its figures."
)


def section(report: RunReport) -> Markup | None:
    """Curves and tables of both parts; None where no model was made, or none is known."""
    if not report.parts:
        return None
    return joined((_summary(report), _curves(report), tag("h3", "What is flagged"), _matrices(report)))


def describe_part(name: str, part: PartMetrics) -> str:
    """Which rows a figure is of."""
    return f"{name}: {WHICH[name]}; {effective_rows_text(part.rows, part.effective_rows)}"


def effective_rows_text(rows: int, effective_rows: float) -> str:
    return f"{count(rows)} rows worth about {number(effective_rows, 1)} independent ones"


def _summary(report: RunReport) -> Markup:
    head = ("part", "rows", "worth", "base rate", "precision", "recall", "AUC", "log loss")
    parts = {"training": report.model.training, **report.parts} if report.model else report.parts
    rows = (
        (
            *(name, count(part.rows), number(part.effective_rows, 1)),
            *(number(v) for v in (part.base_rate, part.precision, part.recall, part.auc, part.log_loss)),
        )
        for name, part in parts.items()
    )
    caption = (
        f"Figures at the model's threshold, {threshold_text(report.threshold)}; "
        "worth: independent rows that the part amounts to"
    )
    return tag("div", table(caption, head, rows), tag("p", OVERLAP, class_="caution"), class_="beside")


def _curves(report: RunReport) -> Markup:
    drawn = (_curve(name, part, report) if part.curve else _no_curve(name, part) for name, part in report.parts.items())
    return tag("div", *drawn, class_="pair")


def _no_curve(name: str, part: PartMetrics) -> Markup:
    why = "the curve was not kept with its figures" if part.positives else "without a PROFIT there is no recall to draw"
    return tag("p", f"{describe_part(name, part)}; {why}.", class_="missing")


def _curve(name: str, part: PartMetrics, report: RunReport) -> Markup:
    plot = Plot.of(WIDTH, HEIGHT, WHOLE, WHOLE, Margins(right=72, top=30))
    drawn = svg(
        f"Precision by recall on the {name} part, with the model's threshold marked",
        *(WIDTH, HEIGHT),
        plot.axes("recall", "precision"),
        *_levels(plot, part.base_rate, report.recall_min),
        plot.line(((point.recall, point.precision) for point in part.curve), "curve"),
        *_chosen(plot, part, report.threshold),
    )
    return figure(
        drawn,
        tag("b", "Precision and recall"),
        f", {describe_part(name, part)}. {_threshold_text(part, report.threshold)}",
    )


def _levels(plot: Plot, base_rate: float, recall_min: float | None) -> Iterator[Markup]:
    """The base rate, which flagging by chance reaches, and the floor below which no threshold was looked for."""
    yield plot.horizontal_line(base_rate, "base")
    yield label(plot.x.end + 6, plot.y(base_rate) - 2, "base rate")
    yield label(plot.x.end + 6, plot.y(base_rate) + 12, number(base_rate))
    if recall_min is not None:
        yield plot.vertical_line(recall_min, "floor")
        yield label(plot.x(recall_min), plot.y.end - 11, f"recall floor {recall_min:g}", "middle")


def _chosen(plot: Plot, part: PartMetrics, threshold: float | None) -> Iterator[Markup]:
    if threshold is None or not _flags(part.at_threshold):
        return
    yield plot.dot((part.recall, part.precision), "chosen", 6, _threshold_text(part, threshold))


def _threshold_text(part: PartMetrics, threshold: float | None) -> str:
    if threshold is None:
        return ""
    if not _flags(part.at_threshold):
        return f"At the model's threshold, {threshold_text(threshold)}, nothing is flagged."
    return (
        f"The dot is the model's threshold, {threshold_text(threshold)}: precision {number(part.precision)} at recall "
        f"{number(part.recall)}; base rate {number(part.base_rate)}."
    )


def _matrices(report: RunReport) -> Markup:
    blocks = (
        tag("div", *(_matrix(name, which, counts) for which, counts in _thresholds(part)), class_="triple")
        for name, part in report.parts.items()
    )
    return joined(blocks)


def _thresholds(part: PartMetrics) -> Iterator[tuple[str, Confusion]]:
    yield "at 0.5", part.at_half
    yield f"at its threshold, {threshold_text(part.at_threshold.threshold)}", part.at_threshold
    yield "at 0.75", part.at_three_quarters


def _flags(counts: Confusion) -> int:
    return counts.true_positives + counts.false_positives


def _matrix(name: str, which: str, counts: Confusion) -> Markup:
    """Four counts, the darker the more of the part's rows."""
    rows = sum((counts.true_positives, counts.false_positives, counts.false_negatives, counts.true_negatives))
    lines = (
        ("PROFIT", counts.true_positives, counts.false_negatives, "right", "missed"),
        ("LOSS", counts.false_positives, counts.true_negatives, "wrong", "passed"),
    )
    head = tag("tr", *(tag("th", text, scope="col") for text in ("", "flagged", "not flagged")))
    body = (
        tag("tr", tag("th", label_, scope="row"), _cell(flagged, rows, yes), _cell(left, rows, no))
        for label_, flagged, left, yes, no in lines
    )
    caption = tag("caption", tag("b", name), f", {which}")
    made = tag("table", caption, tag("thead", head), tag("tbody", *body), class_="matrix")
    return tag("div", made, tag("p", _matrix_note(counts, rows), class_="note"))


def _cell(value: int, rows: int, kind: str) -> Markup:
    depth = 0.45 * math.sqrt(value / rows) if rows else 0.0
    return tag(
        "td", tag("b", count(value)), tag("span", percent(value, rows)), class_=kind, style=f"--depth:{depth:.2f}"
    )


def _matrix_note(counts: Confusion, rows: int) -> str:
    flagged, positives = _flags(counts), counts.true_positives + counts.false_negatives
    if not flagged:
        return "Flags nothing."
    recall = number(counts.true_positives / positives) if positives else NONE
    precision = number(counts.true_positives / flagged)
    return f"Flags {percent(flagged, rows)}: precision {precision}, recall {recall}."
