"""What a run records of itself: how long its client waited, and the processes that it keeps alive."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import ProcessCollector

from tidewheel.telemetry import metrics

CPU, RESIDENT = "process_cpu_seconds_total", "process_resident_memory_bytes"


def record_client_answer(duration_s: float) -> None:
    """PredictNow answered the run's client after so long."""
    metrics.CLIENT_DURATION_SECONDS.observe(duration_s)


def record_client_failure(code: str) -> None:
    """It gave no answer."""
    metrics.CLIENT_FAILURES.labels(code).inc()


def record_scenario_step(scenario: str, step: str) -> None:
    """`tidewheel scenario` took a step on this run."""
    metrics.SCENARIO_STEPS.labels(scenario, step).inc()


class ProcessState(Protocol):
    """What is asked of a process of the run; `pid` None while it does not run."""

    @property
    def pid(self) -> int | None: ...
    @property
    def ready(self) -> bool: ...
    @property
    def restarts(self) -> int: ...


@dataclass(slots=True)
class ProcessRecorder:
    """Brings the figures of the run's processes up to date."""

    _cpu_s: dict[tuple[str, int], float] = field(default_factory=dict)
    _restarts: dict[str, int] = field(default_factory=dict)

    def record(self, processes: Mapping[str, ProcessState]) -> None:
        for name, process in processes.items():
            metrics.PROCESS_UP.labels(name).set(process.ready)
            restarts = metrics.PROCESS_RESTARTS.labels(name)
            restarts.inc(process.restarts - self._restarts.get(name, 0))
            self._restarts[name] = process.restarts
            if process.pid is not None:
                self._record_usage(name, process.pid)

    def _record_usage(self, name: str, pid: int) -> None:
        figures = dict(_figures(pid))
        if not figures:  # it has just ended
            return
        used_s, before_s = figures[CPU], self._cpu_s.get((name, pid), 0.0)
        metrics.PROCESS_CPU_SECONDS.labels(name).inc(max(0.0, used_s - before_s))
        metrics.PROCESS_RESIDENT_BYTES.labels(name).set(figures[RESIDENT])
        self._cpu_s[name, pid] = used_s


def _figures(pid: int) -> Iterable[tuple[str, float]]:
    """Those of any process, by what the client library says of its own."""
    for family in ProcessCollector(pid=lambda: pid, registry=None).collect():
        yield from ((sample.name, sample.value) for sample in family.samples)
