"""The head of the page: which run, how it ended, what speaks for it, when; and what the page lacks."""

from collections.abc import Iterator, Sequence

from tidewheel.domain.models import Verdict
from tidewheel.report.markup import Markup, joined, tag
from tidewheel.report.steps import OF_VERDICT, SIGNS, State
from tidewheel.report.story import Story
from tidewheel.report.tables import pairs, time
from tidewheel.report.words import count, plain, span
from tidewheel.report.words import figure as number

WORDS = {
    Verdict.PUBLISHED: "Published: the run made a model that was served",
    Verdict.REFUSED: "Refused: the run left no model to be served",
    Verdict.FAILED: "Failed: something broke, and there is no model of this window",
}
NO_END = "No verdict yet: the run is going on, or was cut off and will be made again"


def header(story: Story, absent: Sequence[str]) -> Markup:
    """`absent`: sections that have nothing to show."""
    known = story.known
    state = OF_VERDICT[story.verdict] if story.verdict else State.OPEN
    return tag(
        "header",
        tag("p", "Tidewheel training report", class_="kicker"),
        tag("h1", known.instrument, tag("span", f"window {count(known.seq)}", class_="window")),
        tag("div", *_verdict(story, state), class_=f"verdict {state}"),
        _evidence(story),
        _facts(story),
        _gaps(story, absent),
    )


def _verdict(story: Story, state: State) -> tuple[Markup | None, ...]:
    words = WORDS[story.verdict] if story.verdict else NO_END
    reason = tag("p", tag("b", "Reason: "), plain(story.reason)) if story.reason else None
    detail = tag("p", f"In the trainer's words: {story.detail}", class_="detail") if story.detail else None
    serving = tag("p", story.known.serving) if story.known.serving else None
    head = tag("p", tag("span", SIGNS[state], class_="sign", aria_hidden="true"), words, class_="word")
    return head, reason, detail, serving


def _evidence(story: Story) -> Markup | None:
    """The word that was stated with the model, and what it rested on: the models before it."""
    if not story.evidence:
        return None
    before = story.known.before
    told = f". {before.words}." if before else ". What it rested on is not known here."
    return tag("p", "Evidence of an edge when it was made: ", tag("b", story.evidence), told)


def _facts(story: Story) -> Markup:
    model, test = story.model, story.parts.get("test")
    took_ns = story.ended_at_ns - story.closed_at_ns if story.closed_at_ns and story.ended_at_ns else None
    precision = f"{number(test.precision)} at recall {number(test.recall)}" if test else None
    return pairs(
        (
            ("test precision", precision),
            ("test base rate", number(test.base_rate) if test else None),
            ("rows worth", f"about {number(model.effective_rows, 1)} independent ones" if model else None),
            ("window closed", time(story.closed_at_ns)),
            ("ended", time(story.ended_at_ns)),
            ("closed to verdict", span(took_ns) if took_ns is not None else None),
            ("first order placed, market time", time(model.first_placed_ns) if model else None),
            ("last order resolved, market time", time(model.last_resolved_ns) if model else None),
        )
    )


def _gaps(story: Story, absent: Sequence[str]) -> Markup | None:
    gaps = [tag("li", gap) for gap in (*story.gaps(), *_left_out(story, absent))]
    if not gaps:
        return None
    return tag("aside", joined((tag("b", "What this page lacks"), tag("ul", *gaps))), class_="gaps")


def _left_out(story: Story, absent: Sequence[str]) -> Iterator[str]:
    if not absent:
        return
    ended = story.verdict not in (None, Verdict.PUBLISHED) and not story.sha256
    why = (
        "the run ended before it came to them"
        if ended
        else "what would be shown is neither on the log nor in the registry"
    )
    yield f"Left out, since {why}: {', '.join(absent).lower()}."
