"""One scenario from its first word to its verdict: the order of what is done, looked at and undone."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from tidewheel.local.observing.prometheus_api import FIRING, Prometheus, PrometheusError
from tidewheel.local.observing.scenario_steps import write_step
from tidewheel.local.scenarios.declared import Scenario, Step
from tidewheel.local.scenarios.faults import Keep, Scene, fault_of
from tidewheel.local.scenarios.going_run import GoingRun
from tidewheel.local.scenarios.verdict import Sample, Times, Verdict, judge
from tidewheel.runtime.process import FatalError

POLL_EVERY_S = 1.0
REPORT_EVERY_S = 20.0
# A scrape or two that fail are no reason to give up.
SILENCE_LIMIT_S = 30.0
RUNBOOK = "docs/runbooks.md#{}"

FaultOf = Callable[[Scenario, Scene], AbstractContextManager[Keep]]


@dataclass(slots=True)
class Conductor:
    """Does one scenario to one run. `clock`: seconds that never go back; `pause`: lets so many pass."""

    scenario: Scenario
    run: GoingRun
    prometheus: Prometheus
    print_line: Callable[[str], None]
    clock: Callable[[], float]
    pause: Callable[[float], object]
    fault_of: FaultOf = fault_of
    _samples: list[Sample] = field(default_factory=list)
    _times: Times = field(default_factory=Times)
    _states: dict[str, str] = field(default_factory=dict)
    _began_s: float = 0.0
    _reported_s: float = 0.0
    _answered_s: float = 0.0

    def conduct(self, *, until_over: bool) -> Verdict:
        """Raises FatalError where it cannot be done, and whatever ends it, with the fault undone."""
        scenario = self.scenario
        self._began_s = self._reported_s = self._answered_s = self.clock()
        self._refuse_alerts()
        for line in introduction(scenario):
            self.print_line(line)
        self._mark(Step.BEGINS)
        try:
            scene = Scene(self.run, self.prometheus, self._wait, self._report)
            with self.fault_of(scenario, scene) as keep:
                self._times = replace(self._times, fault_s=self.clock())
                self._mark(Step.FAULT)
                self._report(f"the fault is there; {scenario.alert} is to fire within {scenario.fires_s} s")
                if self._poll_until(self._fires, scenario.fires_s, keep):
                    self._mark(Step.FIRES)
        finally:
            self._times = replace(self._times, undone_s=self.clock())
            self._mark(Step.UNDONE)
        if until_over and self._fires():
            self._report(f"undone; {scenario.alert} is to be over within {scenario.over_s} s")
            # What is pending may yet fire, and would be another alert that it brings.
            self._poll_until(lambda: set(self._states) <= set(scenario.tolerated), scenario.over_s)
        self._mark(Step.OVER)
        return judge(scenario, self._samples, self._times, asked_over=until_over)

    def _refuse_alerts(self) -> None:
        """What fires already could not be told from what this brings."""
        self._poll()
        if firing := [name for name in self._states_of(FIRING) if name not in self.scenario.tolerated]:
            books = ", ".join(RUNBOOK.format(name.lower()) for name in firing)
            raise FatalError(f"{' and '.join(firing)} fires already: wait until nothing does, or see {books}")

    def _fires(self) -> bool:
        return any(self.scenario.alert in sample.firing for sample in self._samples)

    def _states_of(self, state: str) -> list[str]:
        return sorted(name for name, found in self._states.items() if found == state)

    def _wait(self, true: Callable[[], bool], what: str, limit_s: float) -> None:
        if not self._poll_until(true, limit_s):
            raise FatalError(f"{self.scenario.name}: not within {limit_s:.0f} s: {what}")

    def _poll_until(self, true: Callable[[], bool], limit_s: float, keep: Keep = lambda: None) -> bool:
        """Whether it came true within the limit; alerts are looked at all the while."""
        ends_s = self.clock() + limit_s
        while True:
            self._poll()
            if true():
                return True
            if self.clock() >= ends_s:
                return False
            keep()
            self.pause(POLL_EVERY_S)

    def _poll(self) -> None:
        """Raises PrometheusError once it has been silent for too long."""
        now_s = self.clock()
        try:
            found = self.prometheus.alerts()
        except PrometheusError:
            if now_s - self._answered_s > SILENCE_LIMIT_S:
                raise
            return
        self._answered_s = now_s
        for name in sorted({*found, *self._states}):
            if found.get(name) != self._states.get(name):
                self._report(f"{name} is {found.get(name, 'over')}")
        self._states = found
        self._samples.append(Sample(now_s, frozenset(self._states_of(FIRING))))
        if now_s - self._reported_s >= REPORT_EVERY_S:
            self._report(", ".join(f"{name} is {state}" for name, state in sorted(found.items())) or "no alert")

    def _report(self, line: str) -> None:
        self._reported_s = self.clock()
        self.print_line(f"{self._reported_s - self._began_s:5.0f} s  {line}")

    def _mark(self, step: Step) -> None:
        write_step(self.run.data.scenario_steps, self.scenario.name, step)


def introduction(scenario: Scenario) -> list[str]:
    """What is about to happen and what to watch, for people."""
    lines = [f"{scenario.name}: {scenario.what}", "watch:"]
    lines += [f"  {title}: {question}" for title, questions in scenario.watch.items() for question in questions]
    lines.append(
        f"{scenario.alert} is to fire, and no other alert; its runbook: {RUNBOOK.format(scenario.alert.lower())}"
    )
    lines += [f"{name} may fire too: {why}" for name, why in scenario.tolerated.items()]
    return lines
