"""Faults as blocks: what is done when one is entered is undone when it is left, however that comes about."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from tidewheel.local.data_dir import write_atomically
from tidewheel.local.observing.prometheus_api import Prometheus
from tidewheel.local.processes.services import INGEST
from tidewheel.local.scenarios import continuing
from tidewheel.local.scenarios.declared import Killed, Market, Paused, Poisoned, Scenario
from tidewheel.local.scenarios.going_run import GoingRun
from tidewheel.local.scenarios.market_fault import MarketFault
from tidewheel.local.scenarios.poison import poisoned
from tidewheel.runtime.process import FatalError

SEEN_LIMIT_S = 60.0

# What to do at each look while the fault is there.
Keep = Callable[[], None]


def nothing() -> None:
    """A fault that stays by itself."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a fault is done. `wait`: looks on until something is so, and raises FatalError where that is not within so
    many seconds; `print_line`: a line for people."""

    run: GoingRun
    prometheus: Prometheus
    wait: Callable[[Callable[[], bool], str, float], None]
    print_line: Callable[[str], None]


def fault_of(scenario: Scenario, scene: Scene) -> AbstractContextManager[Keep]:
    """The block of a scenario's fault; it is there once the block is entered. Entering raises FatalError where this run
    has nothing to do it to."""
    match scenario.fault:
        case Paused(process):
            return paused(process, scene)
        case Killed(process, times):
            return killed(process, times, scene)
        case Poisoned():
            return poisoned(scene.run, scene.print_line)
        case Market(event, lasts_s):
            return happens(MarketFault(event, lasts_s, scene.run, scene.prometheus), scene)


def running(process: str, scene: Scene) -> int:
    """Raises FatalError where the run has no such process now."""
    if (pid := scene.run.process(process)) is None:
        raise FatalError(f"the run has no {process} of its own that runs now, and others are not touched")
    return pid


@contextmanager
def paused(process: str, scene: Scene) -> Iterator[Keep]:
    """Its group stands still. Even where this program is killed it is let go on, by a guard that waits for its end."""
    pid = running(process, scene)
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", continuing.__file__, str(pid)], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        os.killpg(pid, signal.SIGSTOP)
        yield nothing
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGCONT)
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()
        scene.print_line(f"{process} goes on")


class Killing:
    """Kills a service, and again when the run has started it and Prometheus has seen that: so many times in all."""

    def __init__(self, process: str, times: int, scene: Scene) -> None:
        self._process = process
        self._times = times
        self._scene = scene
        self._done = 0
        self._pid: int | None = None
        self._began: float | None = None

    def keep(self) -> None:
        """Raises FatalError where the run has no such service at the first time."""
        pid = self._scene.run.process(self._process) if self._done else running(self._process, self._scene)
        if self._done == self._times or pid in (None, self._pid):
            return
        began = self._scene.prometheus.value(f'process_start_time_seconds{{job="{self._process}"}}')
        if began in (None, self._began):
            return
        assert pid is not None
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self._done, self._pid, self._began = self._done + 1, pid, began
        self._scene.print_line(f"{self._process} is killed, {self._done} of {self._times}")


@contextmanager
def killed(process: str, times: int, scene: Scene) -> Iterator[Keep]:
    """Once, and the other times while the fault lasts. The run starts it by itself."""
    killing = Killing(process, times, scene)
    killing.keep()
    yield killing.keep


@contextmanager
def happens(fault: MarketFault, scene: Scene) -> Iterator[Keep]:
    """Put down in the run's file with notice, and waited for."""
    event = fault.planned()
    try:
        write_atomically(scene.run.data.market_events, fault.text_with(event))
        scene.print_line(f"the {event.kind} begins in {fault.notice_s:.0f} s: the market takes notice of it first")
        scene.wait(lambda: fault.has_begun(event), f"the {event.kind} begins", fault.notice_s + SEEN_LIMIT_S)
        yield nothing
    finally:
        _end(fault, scene)


def _end(fault: MarketFault, scene: Scene) -> None:
    """What has not begun is taken back and a gap is cut short, for both of which the market is made anew: ingest is
    started again, as the runbook of a dead feed says."""
    if not fault.begun and fault.can_be_taken_back():
        text = fault.text_before
    elif fault.can_be_ended:
        scene.wait(lambda: fault.has_begun(fault.event), "the market gets there", fault.notice_s + SEEN_LIMIT_S)
        text = fault.text_with(fault.shortened())
    else:
        scene.print_line(fault.afterwards)
        return
    write_atomically(scene.run.data.market_events, text)
    if (pid := scene.run.process(INGEST)) is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        scene.print_line("ingest is ended by SIGTERM; the run starts it again, and the market goes on")
