"""The whole page, in the order in which one asks: what came of it, how it went, how good it is, where it comes from."""

from collections.abc import Callable

from tidewheel.report import calibration, division, headline, later, lineage, parts, steps, trials, weights
from tidewheel.report.document import document
from tidewheel.report.markup import Markup, tag
from tidewheel.report.story import Known, Story
from tidewheel.report.words import count, moment

Section = Callable[[Story], Markup | None]
SECTIONS: tuple[tuple[str, Section], ...] = (
    ("Steps of the run", steps.section),
    ("Rows of the window", division.section),
    ("Search", trials.section),
    ("Validation and test", parts.section),
    ("Calibration", calibration.section),
    ("Coefficients", weights.section),
    ("On its next window", later.section),
    ("Lineage", lineage.section),
)


def page(known: Known) -> str:
    """A report as one HTML document that needs nothing beside itself."""
    story = Story(known)
    title = f"{known.instrument} window {known.seq}: training report"
    made = [(name, section(story)) for name, section in SECTIONS]
    absent = [name for name, body in made if body is None]
    sections = (tag("section", tag("h2", name), body) for name, body in made if body is not None)
    main = tag("main", headline.header(story, absent), *sections, _foot(known))
    return document(title, main)


def _foot(known: Known) -> Markup:
    sources = [
        f"{count(len(known.events))} events of topic training-runs",
        "the registry's record" if known.record else "no record of the registry",
        "the verified model" if known.model else "no model",
    ]
    words = f"Drawn {moment(known.made_at_ns)} from {', '.join(sources)}. Times are UTC. Not advice: an experiment."
    return tag("footer", tag("p", words))
