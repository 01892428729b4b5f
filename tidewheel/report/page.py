"""The whole page, in the order in which one asks: what came of it, how it went, how good it is, where it comes from."""

from tidewheel.report import calibration, division, headline, later, lineage, parts, steps, trials, weights
from tidewheel.report.markup import Markup, tag
from tidewheel.report.story import Known, Story
from tidewheel.report.style import style
from tidewheel.report.words import count, moment

SECTIONS = (
    *(steps.section, division.section, trials.section, parts.section, calibration.section),
    *(weights.section, later.section, lineage.section),
)


def page(known: Known) -> str:
    """A report as one HTML document that needs nothing beside itself: no script, no font, no picture from elsewhere."""
    story = Story(known)
    title = f"{known.instrument} window {known.seq}: training report"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(style())),
    )
    main = tag("main", headline.section(story), *(section(story) for section in SECTIONS), _foot(known))
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', main), lang='en')}\n"


def _foot(known: Known) -> Markup:
    sources = [
        f"{count(len(known.events))} events of topic training-runs",
        "the registry's record" if known.record else "no record of the registry",
        "the verified model" if known.model else "no model",
    ]
    words = f"Drawn {moment(known.made_at_ns)} from {', '.join(sources)}. Times are UTC. Not advice: an experiment."
    return tag("footer", tag("p", words))
