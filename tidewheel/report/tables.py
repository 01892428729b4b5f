"""Tables and lists of a page, all made alike."""

from collections.abc import Collection, Iterable, Sequence

from markupsafe import Markup

from tidewheel.presentation.times import timestamp
from tidewheel.report.markup import joined, tag

Cells = Sequence[object]


def table(
    caption: object,
    head: Sequence[str],
    rows: Iterable[Cells],
    text_columns: Collection[int] = (),
    marked: int | None = None,
) -> Markup:
    """A table whose first column names its rows. Columns are figures, set to the right, but for those in
    `text_columns`; row `marked` stands out. It scrolls by itself where the page is too narrow for it."""
    kinds = [None if at == 0 or at in text_columns else "number" for at in range(len(head))]
    columns = (tag("th", name, scope="col", class_=kind) for name, kind in zip(head, kinds, strict=True))
    lines = (
        tag("tr", *_cells(row, kinds), class_="marked" if number == marked else None) for number, row in enumerate(rows)
    )
    body = tag("thead", tag("tr", *columns)), tag("tbody", joined(lines))
    return tag("div", tag("table", tag("caption", caption), *body), class_="scroll")


def _cells(row: Cells, kinds: Sequence[str | None]) -> Iterable[Markup]:
    yield tag("th", row[0], scope="row")
    for cell, kind in zip(row[1:], kinds[1:], strict=True):
        yield tag("td", cell, class_=kind)


def time(ns: int) -> Markup | None:
    """A moment that is never broken over two lines; None where it is not known."""
    text = timestamp(ns)
    return tag("time", text, datetime=text) if ns else None


def definition_list(values: Iterable[tuple[str, object]]) -> Markup:
    """Names with their values; those without a value are left out."""
    present = ((name, value) for name, value in values if value not in (None, ""))
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in present))
