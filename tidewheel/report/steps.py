"""The steps of a run: which were taken, when, and how long each took."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup

from tidewheel.domain.models import Verdict
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import Step
from tidewheel.presentation.numbers import count
from tidewheel.presentation.typography import duration
from tidewheel.report.markup import joined, tag
from tidewheel.report.run_report import RunReport
from tidewheel.report.scales import labels, padded_range, ticks
from tidewheel.report.svg import Margins, Plot, coordinate, figure, label, rect, responsive, svg
from tidewheel.report.tables import table, time

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


STATE_ICONS = {
    State.DONE: "✓",
    State.REFUSED: "⊘",
    State.FAILED: "✕",
    State.OPEN: "…",
    State.SKIPPED: "–",
    State.UNKNOWN: "?",
}
STATE_LABELS = {
    State.DONE: "done",
    State.REFUSED: "refused",
    State.FAILED: "failed",
    State.OPEN: "not yet",
    State.SKIPPED: "not reached",
    State.UNKNOWN: "not on the log",
}
STATE_BY_VERDICT = {Verdict.PUBLISHED: State.DONE, Verdict.REFUSED: State.REFUSED, Verdict.FAILED: State.FAILED}


@dataclass(frozen=True, slots=True)
class StepTiming:
    """One step of the picture. `at_ns` 0 where it was not taken or the log does not tell; `duration_ns` since the
    step before it."""

    step: Step
    name: str
    state: State
    at_ns: int
    duration_ns: int | None
    detail: str


def step_timings(report: RunReport) -> list[StepTiming]:
    """Every step of the run, in order, those not reached too."""
    steps = [*BEFORE_THE_END, report.end.step if report.end else Step.PUBLISHED, Step.SCORED]
    states = [*(_state(report, step) for step in BEFORE_THE_END), _end_state(report), _scored_state(report)]
    result: list[StepTiming] = []
    before_ns = report.closed_at_ns
    for step, state in zip(steps, states, strict=True):
        at_ns = _at_ns(report, step)
        duration_ns = max(0, at_ns - before_ns) if at_ns and before_ns else None
        result.append(StepTiming(step, _name(report, step), state, at_ns, duration_ns, _detail(report, step)))
        before_ns = at_ns or before_ns
    return result


def section(report: RunReport) -> Markup:
    """The picture of the steps, the time each took, and what was said of it."""
    steps = step_timings(report)
    timed = [one for one in steps if one.duration_ns is not None and one.step is not Step.SCORED]
    return joined(
        (
            tag("ol", *map(_link, steps), class_="chain"),
            _waterfall(report, timed) if len(timed) > 1 else None,
            _table(steps) if report.sources.events else None,
        )
    )


def _name(report: RunReport, step: Step) -> str:
    if step.verdict:
        return report.verdict or "verdict"
    if step is Step.SCORED:
        return "scored on its next window"
    return NAMES.get(step, step.name.lower())


def _at_ns(report: RunReport, step: Step) -> int:
    if step is Step.TRIAL:
        return max((event.at_ns for event in report.trial_events.values()), default=0)
    return report.first[step].at_ns if step in report.first else 0


def _state(report: RunReport, step: Step) -> State:
    """Of a step before the end."""
    if step is Step.TRIAL and report.trial_events:
        return State.DONE if _searched(report) else STATE_BY_VERDICT[report.verdict] if report.verdict else State.OPEN
    if step in report.first:
        refuses = step is Step.GATE and report.first[step].reason
        return State.REFUSED if refuses else State.DONE
    if report.verdict is None:
        return State.OPEN
    if report.verdict is Verdict.PUBLISHED or not report.sources.events:
        return State.UNKNOWN
    later = BEFORE_THE_END[BEFORE_THE_END.index(step) :]
    return State.UNKNOWN if any(one in report.first for one in later) else State.SKIPPED


def _searched(report: RunReport) -> bool:
    return Step.SELECTED in report.first or len(report.trial_events) >= report.trials_planned


def _end_state(report: RunReport) -> State:
    return STATE_BY_VERDICT[report.verdict] if report.verdict else State.OPEN


def _scored_state(report: RunReport) -> State:
    if report.scorecard is not None:
        return State.DONE
    return State.OPEN if report.sha256 or report.verdict is None else State.SKIPPED


def _detail(report: RunReport, step: Step) -> str:
    if step is Step.TRIAL:
        return f"{count(len(report.trial_events))} of {count(report.trials_planned)}" if report.trial_events else ""
    detail = report.first[step].detail if step in report.first else ""
    repeats = step.verdict is not None and Step.GATE in report.first and detail == report.first[Step.GATE].detail
    return "" if repeats else detail


def _link(one: StepTiming) -> Markup:
    """One step of the chain. Colour is never alone: each has a sign, and a word that is read aloud."""
    when = f"+{duration(one.duration_ns)}" if one.duration_ns is not None else STATE_LABELS[one.state]
    return tag(
        "li",
        tag("span", STATE_ICONS[one.state], class_="sign", role="img", aria_label=STATE_LABELS[one.state]),
        tag("span", one.name, class_="step"),
        tag("span", when, class_="when"),
        class_=one.state,
    )


def _waterfall(report: RunReport, timed: list[StepTiming]) -> Markup:
    from_ns = report.closed_at_ns
    total_ns = max(one.at_ns for one in timed) - from_ns

    def draw(width: int) -> Markup:
        room = Margins(left=112, right=76, top=6, bottom=44)
        height = room.top + room.bottom + ROW_HEIGHT * len(timed)
        _, high = padded_range([total_ns / NS_PER_S], 0.0)
        plot = Plot.of(width, height, (0.0, high), (0.0, len(timed)), room)
        across = ticks(0.0, high, 8 if width > 600 else 4)
        return svg(
            "How long each step of the run took, one below the other",
            *(width, height),
            *(plot.vertical_line(value, "grid") for value in across),
            *(
                label(plot.x(v), plot.y.start + 18, text, "middle")
                for v, text in zip(across, labels(across), strict=True)
            ),
            label(
                (plot.x.start + plot.x.end) / 2, plot.y.start + 38, "seconds since the window closed", "middle", "name"
            ),
            *(part for row, one in enumerate(timed) for part in _row(report, plot, row, one, from_ns)),
        )

    text = f"From the window's last row being read to the verdict: {duration(total_ns)}. "
    text += "Each bar begins where the step before it ended"
    strokes = "; strokes are single trials." if report.trial_events else "."
    return figure(responsive(draw), text + strokes)


def _row(report: RunReport, plot: Plot, row: int, one: StepTiming, from_ns: int) -> Iterator[Markup]:
    """A step's bar, with its name to the left and its length to the right."""
    assert one.duration_ns is not None
    end, top = (one.at_ns - from_ns) / NS_PER_S, plot.y.end + row * ROW_HEIGHT
    left, right = plot.x(end - one.duration_ns / NS_PER_S), plot.x(end)
    yield label(plot.x.start - 10, top + 17, one.name, "end")
    yield rect(
        left,
        top + 5,
        max(right - left, 2),
        ROW_HEIGHT - 10,
        f"bar {one.state}",
        f"{one.name}: {duration(one.duration_ns)}",
    )
    if one.step is Step.TRIAL:
        for event in report.trial_events.values():
            x = coordinate(plot.x((event.at_ns - from_ns) / NS_PER_S))
            yield tag("path", class_="stroke", d=f"M{x} {coordinate(top + 5)}v{ROW_HEIGHT - 10}")
    yield label(right + 8, top + 17, duration(one.duration_ns))


def _table(steps: list[StepTiming]) -> Markup:
    rows = (
        (
            one.name,
            time(one.at_ns),
            duration(one.duration_ns) if one.duration_ns is not None else "",
            tag("div", one.detail, class_="said"),
        )
        for one in steps
        if one.at_ns
    )
    return table(
        "What the trainer said at each step", ("step", "at (UTC)", "after", "what was said"), rows, text_columns=(1, 3)
    )
