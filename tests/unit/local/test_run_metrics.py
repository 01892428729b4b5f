"""Figures of a run's processes, taken from this very process."""

import os
from dataclasses import dataclass

from tests.predictors import metric_value
from tidewheel.local.metrics import ProcessRecorder


@dataclass(frozen=True)
class State:
    pid: int | None
    ready: bool = True
    restarts: int = 0


def test_figures_of_a_process() -> None:
    recorder, name = ProcessRecorder(), "figures"
    recorder.record({name: State(os.getpid())})
    first_s = metric_value("tidewheel_process_cpu_seconds_total", process=name)
    recorder.record({name: State(os.getpid(), ready=False, restarts=2)})
    assert 0 < first_s <= metric_value("tidewheel_process_cpu_seconds_total", process=name) < 2 * first_s + 60
    assert metric_value("tidewheel_process_resident_bytes", process=name) > 10**6
    assert metric_value("tidewheel_process_restarts_total", process=name) == 2
    assert metric_value("tidewheel_process_up", process=name) == 0


def test_a_process_that_does_not_run_has_no_figures() -> None:
    ProcessRecorder().record({"absent": State(None, ready=False)})
    assert metric_value("tidewheel_process_cpu_seconds_total", process="absent") == 0
