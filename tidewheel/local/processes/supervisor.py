"""Keeps the children of a run alive: starts them in order of need, restarts what crashes, ends them in order.

`tick` never blocks and is called some ten times a second from the thread that lives as long as the program, since a
child is tied to the thread that started it.
"""

import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from tidewheel.local.processes.restart_policy import RestartLimits, RestartPolicy
from tidewheel.local.processes.subprocesses import EMPTY_LOG, StartError, kill_group, read_failure_line, size_of
from tidewheel.local.servers.jars import SetupError
from tidewheel.runtime.process import EXIT_BAD_SETTINGS, EXIT_UNRECOVERABLE

TIMESTAMP = re.compile(r"^[0-9T:.\-]+Z? ")


class Phase(StrEnum):
    """Where a process stands, as people read it."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    DONE = "done"
    GIVEN_UP = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """How to run one child. `command` is asked before each start and may raise StartError.

    `needs`: children that must be ready before it is started. `parent_death_signal`: what it gets when this
    program is killed. `done_when`: whether exit code 0 means that its work is done; otherwise any end is a crash.
    `niceness`: 0 to 19, how far it stands back where the processor is wanted by all. `optional`: the others go on
    where it is given up.
    """

    name: str
    command: Callable[[], Sequence[str | Path]]
    log: Path
    env: Mapping[str, str] | None = None
    needs: tuple[str, ...] = ()
    parent_death_signal: signal.Signals = signal.SIGTERM
    done_when: Callable[[], bool] = lambda: False
    niceness: int = 0
    optional: bool = False


class HealthStatus(Protocol):
    """Says, without blocking, whether a child can do its work, and for how long it has been stalled; reset when a
    child is started anew."""

    def reset(self, name: str) -> None: ...
    def is_ready(self, name: str) -> bool: ...
    def stalled_s(self, name: str) -> float: ...


Spawn = Callable[[ProcessSpec], "subprocess.Popen[bytes]"]


@dataclass(frozen=True, slots=True)
class PhaseChange:
    """A process entered a phase."""

    name: str
    phase: Phase
    detail: str = ""


@dataclass(slots=True)
class ManagedProcess:
    """One process and its present state."""

    spec: ProcessSpec
    restart_policy: RestartPolicy
    phase: Phase = Phase.WAITING
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0
    start_at_s: float = 0.0
    log_from: int = 0

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self.process.pid if self.process is not None else None

    @property
    def ready(self) -> bool:
        return self.phase is Phase.READY


class Supervisor:
    """Runs the children described by `specs`; their order is the order of starting."""

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        spawn: Spawn,
        health: HealthStatus,
        clock: Callable[[], float],
        limits: RestartLimits | None = None,
    ) -> None:
        limits = limits or RestartLimits()
        self.processes = {spec.name: ManagedProcess(spec, RestartPolicy(limits)) for spec in specs}
        self.failure: str | None = None
        self._spawn = spawn
        self._health = health
        self._clock = clock
        self._changes: list[PhaseChange] = []

    def phase(self, name: str) -> Phase:
        return self.processes[name].phase

    def restarts(self) -> dict[str, int]:
        return {name: managed.restarts for name, managed in self.processes.items()}

    def reject_done(self, name: str, detail: str) -> None:
        """The child ended with code 0, and its work turns out not to be done: that was a crash."""
        self._crashed(self.processes[name], detail, self._clock())

    def step(self) -> list[PhaseChange]:
        """Notice what ended and what got ready, start what is due; returns what happened since the last call."""
        now_s = self._clock()
        for managed in self.processes.values():
            if managed.process is not None and (code := managed.process.poll()) is not None:
                self._ended(managed, code, now_s)
            elif managed.process is not None and self._stalled(managed):
                kill_group(managed.process)
                managed.process.wait()
                managed.process = None
                self._crashed(managed, "killed, since it stood still", now_s, stalled=True)
            elif managed.phase is Phase.STARTING and self._health.is_ready(managed.spec.name):
                managed.restart_policy.ready(now_s)
                self._enter(managed, Phase.READY)
            elif (
                managed.phase in (Phase.WAITING, Phase.RESTARTING)
                and now_s >= managed.start_at_s
                and self._needs_ready(managed)
            ):
                self._start(managed, now_s)
        happened, self._changes = self._changes, []
        return happened

    def _stalled(self, managed: ManagedProcess) -> bool:
        return self._health.stalled_s(managed.spec.name) >= managed.restart_policy.stalled_limit_s

    def _needs_ready(self, managed: ManagedProcess) -> bool:
        return self.failure is None and all(self.phase(name) is Phase.READY for name in managed.spec.needs)

    def _start(self, managed: ManagedProcess, now_s: float) -> None:
        managed.log_from = size_of(managed.spec.log)
        self._health.reset(managed.spec.name)
        managed.restart_policy.started(now_s)
        try:
            managed.process = self._spawn(managed.spec)
        except SetupError as failure:
            self._give_up(managed, str(failure))
        except StartError as failure:
            self._crashed(managed, str(failure), now_s)
        else:
            self._enter(managed, Phase.STARTING)

    def _ended(self, managed: ManagedProcess, code: int, now_s: float) -> None:
        managed.process = None
        failure_line = read_failure_line(managed.spec.log, managed.log_from)
        # A killed process had no say in it, so its last line is of something else.
        detail = f"ended by signal {-code}" if code < 0 else f"ended with code {code}: {failure_line}"
        if code == 0 and managed.spec.done_when():
            self._enter(managed, Phase.DONE)
        elif code == EXIT_BAD_SETTINGS:
            self._give_up(managed, f"{managed.spec.name} cannot use its settings: {failure_line}")
        elif code == EXIT_UNRECOVERABLE:
            self._give_up(managed, f"{managed.spec.name} cannot go on: {TIMESTAMP.sub('', failure_line)}")
        elif not (away := [name for name in managed.spec.needs if self.phase(name) is not Phase.READY]):
            reason = TIMESTAMP.sub("", failure_line) if code > 0 and failure_line != EMPTY_LOG else ""
            self._crashed(managed, detail, now_s, reason)
        else:  # not its fault: it starts again when what it needs is back
            self._restart(managed, now_s, f"{detail}, while {' and '.join(away)} was away")

    def _crashed(
        self, managed: ManagedProcess, detail: str, now_s: float, reason: str = "", *, stalled: bool = False
    ) -> None:
        pause_s = managed.restart_policy.crashed(now_s, reason, stalled=stalled)
        if pause_s is None:
            self._give_up(managed, f"{managed.spec.name} keeps failing: {detail}")
        else:
            self._restart(managed, now_s + pause_s, f"{detail}; starting again in {pause_s:g} s")

    def _restart(self, managed: ManagedProcess, at_s: float, detail: str) -> None:
        managed.restarts += 1
        managed.start_at_s = at_s
        self._enter(managed, Phase.RESTARTING, detail)

    def _give_up(self, managed: ManagedProcess, detail: str) -> None:
        if not managed.spec.optional:
            self.failure = self.failure or detail
        self._enter(managed, Phase.GIVEN_UP, detail)

    def _enter(self, managed: ManagedProcess, phase: Phase, detail: str = "") -> None:
        managed.phase = phase
        self._changes.append(PhaseChange(managed.spec.name, phase, detail))

    def running(self, names: Sequence[str]) -> "dict[str, subprocess.Popen[bytes]]":
        """The running processes among the named children."""
        return {name: p for name in names if (p := self.processes[name].process) is not None and p.poll() is None}

    def mark_stopped(self, names: Sequence[str]) -> None:
        """The named children were ended on purpose."""
        for name in names:
            managed = self.processes[name]
            managed.process = None
            if managed.phase not in (Phase.DONE, Phase.GIVEN_UP):
                managed.phase = Phase.STOPPED
