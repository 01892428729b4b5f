"""The steps of a run: taken, broken off, not reached, not told of."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.report import values
from tests.unit.report.reading import parsed, visible_text
from tidewheel.domain.training import Step
from tidewheel.report.page import page
from tidewheel.report.run_report import RunReport, RunSources
from tidewheel.report.steps import step_timings


@pytest.mark.parametrize(
    ("made", "states"),
    [
        (values.published, "done done done done done done done done"),
        (values.refused, "done skipped skipped skipped skipped skipped refused skipped"),
        (values.failed, "done done done failed skipped skipped failed skipped"),
        (values.running, "done done done open open open open open"),
        (values.registry_only, "unknown unknown unknown unknown unknown unknown done done"),
    ],
)
def test_states(made: Callable[[], RunSources], states: str) -> None:
    assert " ".join(one.state for one in step_timings(RunReport(made()))) == states


def test_a_gate_that_refuses() -> None:
    sources = values.published()
    events = tuple(replace(one, reason="worse_than_served") if one.step is Step.GATE else one for one in sources.events)
    assert step_timings(RunReport(replace(sources, events=events)))[5].state == "refused"


def test_a_step_whose_event_is_gone_is_not_called_skipped() -> None:
    sources = values.failed()
    (split,) = (at for at, one in enumerate(sources.events) if one.step is Step.SPLIT)
    before = replace(sources, events=(sources.events[split], sources.events[-1]))
    assert [one.state for one in step_timings(RunReport(before))][:4] == ["unknown", "unknown", "done", "skipped"]


def test_times_between_steps() -> None:
    """A tenth of a second a step, ten trials among them; closed to published is three seconds."""
    steps = step_timings(RunReport(values.published()))
    assert [round((one.duration_ns or 0) / 10**8) for one in steps] == [1, 1, 1, 10, 1, 1, 15, 3970]
    rendered = visible_text(parsed(page(values.published())))
    assert "trials +1.00 s" in rendered
    assert "to the verdict: 3.00 s" in rendered


def test_a_clock_that_went_back_takes_no_time() -> None:
    sources = values.published()
    back = tuple(replace(one, at_ns=one.at_ns - 10**12) if one.step is Step.GATE else one for one in sources.events)
    assert step_timings(RunReport(replace(sources, events=back)))[5].duration_ns == 0
