"""How the rows of the window were divided, and how many were purged."""

from tidewheel.domain.training import SplitSizes
from tidewheel.report.markup import Markup, joined, tag, text
from tidewheel.report.parts import PART_PERCENT
from tidewheel.report.story import Story
from tidewheel.report.tables import table
from tidewheel.report.words import count, percent


def section(story: Story) -> Markup | None:
    """How the window's rows were divided; None where it was not, or where nobody tells."""
    return _split(story.split) if story.split else _sizes_of_the_model(story)


def _split(split: SplitSizes) -> Markup:
    sizes = {"training": split.training, "validation": split.validation, "test": split.test, "purged": split.purged}
    total = sum(sizes.values())
    shares = (
        tag("span", class_=f"share {name}", style=f"flex-grow:{size}", title=f"{name}: {count(size)}")
        for name, size in sizes.items()
        if size
    )
    rows = [(_swatched(name), count(size), percent(size, total)) for name, size in sizes.items()]
    whole = (text("window"), count(total), percent(total, total))
    sized = table("Rows of each part", ("part", "rows", "share"), [*rows, whole])
    words = _how_it_is_cut("A row is purged when its label was not yet known as the next part began.")
    bar = tag("div", *shares, class_="shares", aria_hidden="true")
    return joined((bar, tag("div", sized, words, class_="beside")))


def _swatched(name: str) -> Markup:
    """A part's name with the colour it has in the bar above."""
    return joined((tag("span", class_=f"swatch share {name}", aria_hidden="true"), name))


def _sizes_of_the_model(story: Story) -> Markup | None:
    if not story.parts:
        return None
    parts = {"training": story.model.training, **story.parts} if story.model else story.parts
    rows = [(name, count(part.rows)) for name, part in parts.items()]
    lacks = "How many were purged stands in the events of the run, which are not here."
    return tag("div", table("Rows of each part", ("part", "rows"), rows), _how_it_is_cut(lacks), class_="beside")


def _how_it_is_cut(more: str) -> Markup:
    cut = f"{100 - 2 * PART_PERCENT}/{PART_PERCENT}/{PART_PERCENT}"
    words = f"Sorted by the time their orders were placed and cut {cut}: the oldest train, the next validate, the"
    return tag("p", f"{words} newest test. {more}")
