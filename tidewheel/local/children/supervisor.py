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

from tidewheel.local.children.backoff import Backoff, Limits
from tidewheel.local.children.processes import NOTHING_SAID, StartFailed, kill_group, last_words, size_of
from tidewheel.local.servers.jars import SetupFailed
from tidewheel.runtime.process import EXIT_BAD_SETTINGS, EXIT_IN_VAIN

# How long a child may stand still, by its own word (which has a limit of its own) or by its silence.
STUCK_READY_S = 15.0
STUCK_STARTING_S = 120.0
TIMESTAMP = re.compile(r"^[0-9T:.\-]+Z? ")


class Phase(StrEnum):
    """Where a child stands, in words for people."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    DONE = "done"
    GIVEN_UP = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to run one child. `command` is asked before each start and may raise StartFailed.

    `needs`: children that must be ready before it is started. `orphan_signal`: what it gets when this program is
    killed. `done_when`: whether exit code 0 means that its work is done; otherwise any end is a crash. `niceness`: 0 to
    19, how far it stands back where the processor is wanted by all.
    """

    name: str
    command: Callable[[], Sequence[str | Path]]
    log: Path
    env: Mapping[str, str] | None = None
    needs: tuple[str, ...] = ()
    orphan_signal: signal.Signals = signal.SIGTERM
    done_when: Callable[[], bool] = lambda: False
    niceness: int = 0


class ReadyAnswers(Protocol):
    """Says, without blocking, whether a child can do its work, and for how long it has done nothing at all; told when
    a child is started anew."""

    def forget(self, name: str) -> None: ...
    def is_ready(self, name: str) -> bool: ...
    def stands_still_s(self, name: str) -> float: ...


Spawn = Callable[[ChildSpec], "subprocess.Popen[bytes]"]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something worth a line."""

    name: str
    phase: Phase
    words: str = ""


@dataclass(slots=True)
class Child:
    """One child's present state."""

    spec: ChildSpec
    backoff: Backoff
    phase: Phase = Phase.WAITING
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0
    start_at_s: float = 0.0
    log_from: int = 0


class Supervisor:
    """Runs the children described by `specs`; their order is the order of starting."""

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        spawn: Spawn,
        answers: ReadyAnswers,
        clock: Callable[[], float],
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self.children = {spec.name: Child(spec, Backoff(limits)) for spec in specs}
        self.failure: str | None = None
        self._spawn = spawn
        self._answers = answers
        self._clock = clock
        self._happenings: list[Happening] = []

    @property
    def all_ready(self) -> bool:
        return all(child.phase in (Phase.READY, Phase.DONE) for child in self.children.values())

    def phase(self, name: str) -> Phase:
        return self.children[name].phase

    def restarts(self) -> dict[str, int]:
        return {name: child.restarts for name, child in self.children.items()}

    def not_done(self, name: str, words: str) -> None:
        """The child ended with code 0, and its work turns out not to be done: that was a crash."""
        self._crashed(self.children[name], words, self._clock())

    def tick(self) -> list[Happening]:
        """Notice what ended and what got ready, start what is due; returns what happened since the last call."""
        now_s = self._clock()
        for child in self.children.values():
            if child.process is not None and (code := child.process.poll()) is not None:
                self._ended(child, code, now_s)
            elif child.process is not None and self._stuck(child):
                kill_group(child.process)
                child.process.wait()
                child.process = None
                self._crashed(child, "killed, since it stood still", now_s, stood_still=True)
            elif child.phase is Phase.STARTING and self._answers.is_ready(child.spec.name):
                child.backoff.ready(now_s)
                self._enter(child, Phase.READY)
            elif child.phase in (Phase.WAITING, Phase.RESTARTING) and now_s >= child.start_at_s and self._met(child):
                self._start(child, now_s)
        happened, self._happenings = self._happenings, []
        return happened

    def _stuck(self, child: Child) -> bool:
        limit_s = STUCK_READY_S if child.phase is Phase.READY else STUCK_STARTING_S
        return self._answers.stands_still_s(child.spec.name) >= limit_s

    def _met(self, child: Child) -> bool:
        return self.failure is None and all(self.phase(name) is Phase.READY for name in child.spec.needs)

    def _start(self, child: Child, now_s: float) -> None:
        child.log_from = size_of(child.spec.log)
        self._answers.forget(child.spec.name)
        child.backoff.started(now_s)
        try:
            child.process = self._spawn(child.spec)
        except SetupFailed as failure:
            self._give_up(child, str(failure))
        except StartFailed as failure:
            self._crashed(child, str(failure), now_s)
        else:
            self._enter(child, Phase.STARTING)

    def _ended(self, child: Child, code: int, now_s: float) -> None:
        child.process = None
        said = last_words(child.spec.log, child.log_from)
        # A killed process had no say in it, so its last line is of something else.
        words = f"ended by signal {-code}" if code < 0 else f"ended with code {code}: {said}"
        if code == 0 and child.spec.done_when():
            self._enter(child, Phase.DONE)
        elif code == EXIT_BAD_SETTINGS:
            self._give_up(child, f"{child.spec.name} cannot use its settings: {said}")
        elif code == EXIT_IN_VAIN:
            self._give_up(child, f"{child.spec.name} cannot go on: {TIMESTAMP.sub('', said)}")
        elif not (away := [name for name in child.spec.needs if self.phase(name) is not Phase.READY]):
            reason = TIMESTAMP.sub("", said) if code > 0 and said != NOTHING_SAID else ""
            self._crashed(child, words, now_s, reason)
        else:  # not its fault: it starts again when what it needs is back
            self._restart(child, now_s, f"{words}, while {' and '.join(away)} was away")

    def _crashed(self, child: Child, words: str, now_s: float, reason: str = "", *, stood_still: bool = False) -> None:
        pause_s = child.backoff.crashed(now_s, reason, stood_still=stood_still)
        if pause_s is None:
            self._give_up(child, f"{child.spec.name} keeps failing: {words}")
        else:
            self._restart(child, now_s + pause_s, f"{words}; starting again in {pause_s:g} s")

    def _restart(self, child: Child, at_s: float, words: str) -> None:
        child.restarts += 1
        child.start_at_s = at_s
        self._enter(child, Phase.RESTARTING, words)

    def _give_up(self, child: Child, words: str) -> None:
        self.failure = self.failure or words
        self._enter(child, Phase.GIVEN_UP, words)

    def _enter(self, child: Child, phase: Phase, words: str = "") -> None:
        child.phase = phase
        self._happenings.append(Happening(child.spec.name, phase, words))

    def processes(self, names: Sequence[str]) -> "dict[str, subprocess.Popen[bytes]]":
        """The running processes among the named children."""
        return {name: p for name in names if (p := self.children[name].process) is not None and p.poll() is None}

    def stopped(self, names: Sequence[str]) -> None:
        """The named children were ended on purpose."""
        for name in names:
            child = self.children[name]
            child.process = None
            if child.phase not in (Phase.DONE, Phase.GIVEN_UP):
                child.phase = Phase.STOPPED
