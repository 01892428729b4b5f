"""The whole page, in the order in which one asks: what came of it, how it went, how good it is, where it comes from."""

from collections.abc import Callable

from markupsafe import Markup

from tidewheel.presentation.numbers import count
from tidewheel.presentation.times import timestamp
from tidewheel.report import calibration, coefficients, evaluation, header, lineage, next_window, split, steps, trials
from tidewheel.report.document import document
from tidewheel.report.markup import tag
from tidewheel.report.run_report import RunReport, RunSources

Section = Callable[[RunReport], Markup | None]
SECTIONS: tuple[tuple[str, Section], ...] = (
    ("Steps of the run", steps.section),
    ("Rows of the window", split.section),
    ("Search", trials.section),
    ("Validation and test", evaluation.section),
    ("Calibration", calibration.section),
    ("Coefficients", coefficients.section),
    ("On its next window", next_window.section),
    ("Lineage", lineage.section),
)


def page(sources: RunSources) -> str:
    """A report as one HTML document that needs nothing beside itself."""
    report = RunReport(sources)
    title = f"{sources.instrument} window {sources.seq}: training report"
    made = [(name, section(report)) for name, section in SECTIONS]
    missing_sections = [name for name, body in made if body is None]
    sections = (tag("section", tag("h2", name), body) for name, body in made if body is not None)
    main = tag("main", header.header(report, missing_sections), *sections, _footer(sources))
    return document(title, main)


def _footer(sources: RunSources) -> Markup:
    source_phrases = [
        f"{count(len(sources.events))} events of topic training-runs",
        "the registry's record" if sources.record else "no record of the registry",
        "the verified model" if sources.model else "no model",
    ]
    drawn = f"Drawn {timestamp(sources.made_at_ns)} from {', '.join(source_phrases)}."
    text = f"{drawn} Times are UTC. Not advice: an experiment."
    return tag("footer", tag("p", text))
