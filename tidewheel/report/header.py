"""The head of the page: which run, how it ended, what speaks for it, when; and what the page lacks."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from tidewheel.domain.models import Verdict
from tidewheel.presentation.numbers import count
from tidewheel.presentation.sentences import reason_text
from tidewheel.presentation.typography import duration, number
from tidewheel.report.markup import joined, tag
from tidewheel.report.run_report import RunReport
from tidewheel.report.steps import STATE_BY_VERDICT, STATE_ICONS, State
from tidewheel.report.tables import definition_list, time

VERDICT_SENTENCES = {
    Verdict.PUBLISHED: "Published: the run made a model that was served",
    Verdict.REFUSED: "Refused: the run left no model to be served",
    Verdict.FAILED: "Failed: something broke, and there is no model of this window",
}
NO_VERDICT_SENTENCE = "No verdict yet: the run is going on, or was cut off and will be made again"


def header(report: RunReport, missing_sections: Sequence[str]) -> Markup:
    """`missing_sections`: those that have nothing to show."""
    sources = report.sources
    state = STATE_BY_VERDICT[report.verdict] if report.verdict else State.OPEN
    return tag(
        "header",
        tag("p", "Tidewheel training report", class_="kicker"),
        tag("h1", sources.instrument, tag("span", f"window {count(sources.seq)}", class_="window")),
        tag("div", *_verdict(report, state), class_=f"verdict {state}"),
        _evidence(report),
        _key_figures(report),
        _gaps(report, missing_sections),
    )


def _verdict(report: RunReport, state: State) -> tuple[Markup | None, ...]:
    text = VERDICT_SENTENCES[report.verdict] if report.verdict else NO_VERDICT_SENTENCE
    reason = tag("p", tag("b", "Reason: "), reason_text(report.reason)) if report.reason else None
    detail = tag("p", f"In the trainer's words: {report.detail}", class_="detail") if report.detail else None
    serving = tag("p", report.sources.serving) if report.sources.serving else None
    head = tag("p", tag("span", STATE_ICONS[state], class_="sign", aria_hidden="true"), text, class_="word")
    return head, reason, detail, serving


def _evidence(report: RunReport) -> Markup | None:
    """The word that was stated with the model, and what it rested on: the models before it."""
    if not report.evidence:
        return None
    before = report.sources.before
    basis = f". {before.text}." if before else ". What it rested on is not known here."
    return tag("p", "Evidence of an edge when it was made: ", tag("b", report.evidence), basis)


def _key_figures(report: RunReport) -> Markup:
    model, test = report.model, report.parts.get("test")
    duration_ns = report.ended_at_ns - report.closed_at_ns if report.closed_at_ns and report.ended_at_ns else None
    precision = f"{number(test.precision)} at recall {number(test.recall)}" if test else None
    return definition_list(
        (
            ("test precision", precision),
            ("test base rate", number(test.base_rate) if test else None),
            ("rows worth", f"about {number(model.effective_rows, 1)} independent ones" if model else None),
            ("window closed", time(report.closed_at_ns)),
            ("ended", time(report.ended_at_ns)),
            ("closed to verdict", duration(duration_ns) if duration_ns is not None else None),
            ("first order placed, market time", time(model.first_placed_ns) if model else None),
            ("last order resolved, market time", time(model.last_resolved_ns) if model else None),
        )
    )


def _gaps(report: RunReport, missing_sections: Sequence[str]) -> Markup | None:
    gaps = [tag("li", gap) for gap in (*report.gaps(), *_left_out(report, missing_sections))]
    if not gaps:
        return None
    return tag("aside", joined((tag("b", "What this page lacks"), tag("ul", *gaps))), class_="gaps")


def _left_out(report: RunReport, missing_sections: Sequence[str]) -> Iterator[str]:
    if not missing_sections:
        return
    ended = report.verdict not in (None, Verdict.PUBLISHED) and not report.sha256
    why = (
        "the run ended before it came to them"
        if ended
        else "what would be shown is neither on the log nor in the registry"
    )
    yield f"Left out, since {why}: {', '.join(missing_sections).lower()}."
