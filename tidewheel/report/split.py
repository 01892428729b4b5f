"""How the rows of the window were divided, and how many were purged."""

from markupsafe import Markup

from tidewheel.domain.training import SplitSizes
from tidewheel.presentation.numbers import count, percent
from tidewheel.report.evaluation import PART_PERCENT
from tidewheel.report.markup import joined, tag, text
from tidewheel.report.run_report import RunReport
from tidewheel.report.tables import table

FOLDED = "training and validation"


def section(report: RunReport) -> Markup | None:
    """How the window's rows were divided; None where it was not, or where nobody tells."""
    return _split(report.split) if report.split else _sizes_of_the_model(report)


def _split(split: SplitSizes) -> Markup:
    sizes = {"training": split.training, "validation": split.validation, "test": split.test, "purged": split.purged}
    if split.folds:  # the same rows do both
        sizes = {FOLDED: split.training, "test": split.test, "purged": split.purged}
    total = sum(sizes.values())
    shares = (
        tag("span", class_=f"share {name.split()[0]}", style=f"flex-grow:{size}", title=f"{name}: {count(size)}")
        for name, size in sizes.items()
        if size
    )
    rows = [(_swatched(name), count(size), percent(size, total)) for name, size in sizes.items()]
    whole = (text("window"), count(total), percent(total, total))
    sized = table("Rows of each part", ("part", "rows", "share"), [*rows, whole])
    note = _how_it_is_cut(split.folds, "A row is purged when its label was not yet known as the next part began.")
    bar = tag("div", *shares, class_="shares", aria_hidden="true")
    return joined((bar, tag("div", sized, note, class_="beside")))


def _swatched(name: str) -> Markup:
    """A part's name with the colour it has in the bar above."""
    return joined((tag("span", class_=f"swatch share {name.split()[0]}", aria_hidden="true"), name))


def _sizes_of_the_model(report: RunReport) -> Markup | None:
    if not report.parts:
        return None
    parts = {"training": report.model.training, **report.parts} if report.model else report.parts
    rows = [(name, count(part.rows)) for name, part in parts.items()]
    lacks = "How many were purged stands in the events of the run, which are not here."
    return tag("div", table("Rows of each part", ("part", "rows"), rows), _how_it_is_cut(0, lacks), class_="beside")


def _how_it_is_cut(folds: int, more: str) -> Markup:
    note = f"Sorted by the time their orders were placed: the newest {PART_PERCENT} % test."
    if folds:
        note += f" All others train and validate in turn, in {folds} folds in time, purged on both sides of each."
        note += " The model that goes out is then trained on every row; the figures of the test part are those"
        note += " of the holdout model, which never saw it."
    return tag("p", f"{note} {more}")
