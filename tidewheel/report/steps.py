"""The steps of a run: which were taken, when, and how long each took."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tidewheel.domain.models import Verdict
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import Step
from tidewheel.report.drawings import Margins, Plot, at_both_widths, box, drawing, figure, label, place
from tidewheel.report.markup import Markup, joined, tag
from tidewheel.report.scales import around, labels, ticks
from tidewheel.report.story import ENDS, Story
from tidewheel.report.tables import table, time
from tidewheel.report.words import count, span

BEFORE_THE_END = (Step.WINDOW_CLOSED, Step.VALIDATED, Step.SPLIT, Step.TRIAL, Step.SELECTED, Step.GATE)
NAMES = {Step.WINDOW_CLOSED: "window closed", Step.TRIAL: "trials"}
ROW_HEIGHT = 26


class State(StrEnum):
    """How a step stands; the colour of its mark."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    OPEN = "open"  # not yet
    SKIPPED = "skipped"  # never, since the run ended before
    UNKNOWN = "unknown"  # the log does not tell


SIGNS = {
    State.DONE: "✓",
    State.REFUSED: "⊘",
    State.FAILED: "✕",
    State.OPEN: "…",
    State.SKIPPED: "–",
    State.UNKNOWN: "?",
}
STATE_WORDS = {
    State.DONE: "done",
    State.REFUSED: "refused",
    State.FAILED: "failed",
    State.OPEN: "not yet",
    State.SKIPPED: "not reached",
    State.UNKNOWN: "not on the log",
}
OF_VERDICT = {Verdict.PUBLISHED: State.DONE, Verdict.REFUSED: State.REFUSED, Verdict.FAILED: State.FAILED}


@dataclass(frozen=True, slots=True)
class Taken:
    """One step of the picture. `at_ns` 0 where it was not taken or the log does not tell; `took_ns` since the step
    before it."""

    step: Step
    name: str
    state: State
    at_ns: int
    took_ns: int | None
    detail: str


def taken(story: Story) -> list[Taken]:
    """Every step of the run, in order, those not reached too."""
    steps = [*BEFORE_THE_END, story.end.step if story.end else Step.PUBLISHED, Step.SCORED]
    states = [*(_state(story, step) for step in BEFORE_THE_END), _end_state(story), _scored_state(story)]
    result: list[Taken] = []
    before_ns = story.closed_at_ns
    for step, state in zip(steps, states, strict=True):
        at_ns = _at_ns(story, step)
        took_ns = max(0, at_ns - before_ns) if at_ns and before_ns else None
        result.append(Taken(step, _name(story, step), state, at_ns, took_ns, _detail(story, step)))
        before_ns = at_ns or before_ns
    return result


def section(story: Story) -> Markup:
    """The picture of the steps, the time each took, and what was said of it."""
    steps = taken(story)
    timed = [one for one in steps if one.took_ns is not None and one.step is not Step.SCORED]
    return joined(
        (
            tag("ol", *map(_link, steps), class_="chain"),
            _waterfall(story, timed) if len(timed) > 1 else None,
            _table(steps) if story.known.events else None,
        )
    )


def _name(story: Story, step: Step) -> str:
    if step in ENDS:
        return story.verdict or "verdict"
    if step is Step.SCORED:
        return "scored on its next window"
    return NAMES.get(step, step.name.lower())


def _at_ns(story: Story, step: Step) -> int:
    if step is Step.TRIAL:
        return max((event.at_ns for event in story.trial_events.values()), default=0)
    return story.first[step].at_ns if step in story.first else 0


def _state(story: Story, step: Step) -> State:
    """Of a step before the end."""
    if step is Step.TRIAL and story.trial_events:
        return State.DONE if _searched(story) else OF_VERDICT[story.verdict] if story.verdict else State.OPEN
    if step in story.first:
        refuses = step is Step.GATE and story.first[step].reason
        return State.REFUSED if refuses else State.DONE
    if story.verdict is None:
        return State.OPEN
    if story.verdict is Verdict.PUBLISHED or not story.known.events:
        return State.UNKNOWN
    later = BEFORE_THE_END[BEFORE_THE_END.index(step) :]
    return State.UNKNOWN if any(one in story.first for one in later) else State.SKIPPED


def _searched(story: Story) -> bool:
    return Step.SELECTED in story.first or len(story.trial_events) >= story.trials_planned


def _end_state(story: Story) -> State:
    return OF_VERDICT[story.verdict] if story.verdict else State.OPEN


def _scored_state(story: Story) -> State:
    if story.scorecard is not None:
        return State.DONE
    return State.OPEN if story.sha256 or story.verdict is None else State.SKIPPED


def _detail(story: Story, step: Step) -> str:
    if step is Step.TRIAL:
        return f"{count(len(story.trial_events))} of {count(story.trials_planned)}" if story.trial_events else ""
    said = story.first[step].detail if step in story.first else ""
    repeats = step in ENDS and Step.GATE in story.first and said == story.first[Step.GATE].detail
    return "" if repeats else said


def _link(one: Taken) -> Markup:
    """One step of the chain. Colour is never alone: each has a sign, and a word that is read aloud."""
    when = f"+{span(one.took_ns)}" if one.took_ns is not None else STATE_WORDS[one.state]
    return tag(
        "li",
        tag("span", SIGNS[one.state], class_="sign", role="img", aria_label=STATE_WORDS[one.state]),
        tag("span", one.name, class_="step"),
        tag("span", when, class_="when"),
        class_=one.state,
    )


def _waterfall(story: Story, timed: list[Taken]) -> Markup:
    from_ns = story.closed_at_ns
    total_ns = max(one.at_ns for one in timed) - from_ns

    def draw(width: int) -> Markup:
        room = Margins(left=112, right=76, top=6, bottom=44)
        height = room.top + room.bottom + ROW_HEIGHT * len(timed)
        _, high = around([total_ns / NS_PER_S], 0.0)
        plot = Plot.of(width, height, (0.0, high), (0.0, len(timed)), room)
        across = ticks(0.0, high, 8 if width > 600 else 4)
        return drawing(
            "How long each step of the run took, one below the other",
            *(width, height),
            *(plot.upright(value, "grid") for value in across),
            *(
                label(plot.x(v), plot.y.start + 18, words, "middle")
                for v, words in zip(across, labels(across), strict=True)
            ),
            label(
                (plot.x.start + plot.x.end) / 2, plot.y.start + 38, "seconds since the window closed", "middle", "name"
            ),
            *(part for row, one in enumerate(timed) for part in _row(story, plot, row, one, from_ns)),
        )

    words = f"From the window's last row being read to the verdict: {span(total_ns)}. "
    words += "Each bar begins where the step before it ended"
    strokes = "; strokes are single trials." if story.trial_events else "."
    return figure(at_both_widths(draw), words + strokes)


def _row(story: Story, plot: Plot, row: int, one: Taken, from_ns: int) -> Iterator[Markup]:
    """A step's bar, with its name to the left and its length to the right."""
    assert one.took_ns is not None
    end, top = (one.at_ns - from_ns) / NS_PER_S, plot.y.end + row * ROW_HEIGHT
    left, right = plot.x(end - one.took_ns / NS_PER_S), plot.x(end)
    yield label(plot.x.start - 10, top + 17, one.name, "end")
    yield box(
        left, top + 5, max(right - left, 2), ROW_HEIGHT - 10, f"bar {one.state}", f"{one.name}: {span(one.took_ns)}"
    )
    if one.step is Step.TRIAL:
        for event in story.trial_events.values():
            x = place(plot.x((event.at_ns - from_ns) / NS_PER_S))
            yield tag("path", class_="stroke", d=f"M{x} {place(top + 5)}v{ROW_HEIGHT - 10}")
    yield label(right + 8, top + 17, span(one.took_ns))


def _table(steps: list[Taken]) -> Markup:
    rows = (
        (
            one.name,
            time(one.at_ns),
            span(one.took_ns) if one.took_ns is not None else "",
            tag("div", one.detail, class_="said"),
        )
        for one in steps
        if one.at_ns
    )
    return table(
        "What the trainer said at each step", ("step", "at (UTC)", "after", "what was said"), rows, words=(1, 3)
    )
