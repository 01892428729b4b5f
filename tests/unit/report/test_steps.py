"""The steps of a run: taken, broken off, not reached, not told of."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.report import values
from tests.unit.report.reading import parsed, words
from tidewheel.domain.training import Step
from tidewheel.report.page import page
from tidewheel.report.steps import taken
from tidewheel.report.story import Known, Story


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
def test_states(made: Callable[[], Known], states: str) -> None:
    assert " ".join(one.state for one in taken(Story(made()))) == states


def test_a_gate_that_refuses() -> None:
    known = values.published()
    events = tuple(replace(one, reason="worse_than_served") if one.step is Step.GATE else one for one in known.events)
    assert taken(Story(replace(known, events=events)))[5].state == "refused"


def test_a_step_whose_event_is_gone_is_not_called_skipped() -> None:
    known = values.failed()
    (split,) = (at for at, one in enumerate(known.events) if one.step is Step.SPLIT)
    before = replace(known, events=(known.events[split], known.events[-1]))
    assert [one.state for one in taken(Story(before))][:4] == ["unknown", "unknown", "done", "skipped"]


def test_times_between_steps() -> None:
    """A tenth of a second a step, ten trials among them; closed to published is three seconds."""
    steps = taken(Story(values.published()))
    assert [round((one.took_ns or 0) / 10**8) for one in steps] == [1, 1, 1, 10, 1, 1, 15, 3970]
    told = words(parsed(page(values.published())))
    assert "trials +1.00 s" in told
    assert "to the verdict: 3.00 s" in told


def test_a_clock_that_went_back_takes_no_time() -> None:
    known = values.published()
    back = tuple(replace(one, at_ns=one.at_ns - 10**12) if one.step is Step.GATE else one for one in known.events)
    assert taken(Story(replace(known, events=back)))[5].took_ns == 0
