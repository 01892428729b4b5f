"""Starts the program as a user does, and knows every process it started, so that none is left behind unseen."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.waiting import Deadline
from tidewheel.local.processes.subprocesses import tethered

PROGRAM = Path(sys.executable).with_name("tidewheel")
POLL_EVERY_S = 0.1


def gone(process: psutil.Process) -> bool:
    """Whether it has ended, be it waited for or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@dataclass
class RunningProgram:
    """A started program and every descendant seen so far."""

    process: subprocess.Popen[str]
    seen: dict[int, psutil.Process] = field(default_factory=dict)

    def scan(self) -> None:
        """Remember the descendants that live now; a grandchild is seen while its parent lives."""
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                # A number may be another's by now: psutil tells them apart by when they began.
                if self.seen.get(child.pid) != child:
                    self.seen[child.pid] = child

    def service(self, name: str) -> psutil.Process | None:
        """The live process of a service, by its command line."""
        return self.child(f"services.{name}")

    def child(self, *words: str) -> psutil.Process | None:
        """A live descendant that has one of the words in its command line."""
        self.scan()
        for child in self.seen.values():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if child.is_running() and any(word in argument for argument in child.cmdline() for word in words):
                    return child
        return None

    def left(self) -> list[str]:
        """Descendants that still run."""
        found = []
        for child in self.seen.values():
            with suppress(psutil.NoSuchProcess):
                if not gone(child):
                    found.append(f"{child.pid} {' '.join(child.cmdline())[:100]}")
        return found

    def kill_left(self) -> None:
        """SIGKILL to the descendants that still run.

        The others are asked nothing: psutil signals one that it has seen gone by the bare number, which by then may be
        another's process, or a thread of it, for which the whole process is killed.
        """
        for child in self.seen.values():
            with suppress(psutil.NoSuchProcess):
                if not gone(child):
                    child.kill()

    def wait(self, limit_s: float, meanwhile: Callable[["RunningProgram"], None] = lambda running: None) -> int:
        """Exit code; raises TimeoutError when `limit_s` passes. `meanwhile` is called some ten times a second."""
        deadline = Deadline(limit_s)
        while True:
            self.scan()
            meanwhile(self)
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(POLL_EVERY_S)
            if deadline.passed:
                raise TimeoutError(f"not done after {limit_s:.0f} s")

    def wait_gone(self) -> list[str]:
        """What is left a moment after the end: nothing, if all is well."""
        deadline, pause = Deadline(), threading.Event()
        while (left := self.left()) and not deadline.passed:
            pause.wait(POLL_EVERY_S)
        return left


@dataclass(frozen=True)
class CompletedRun:
    """How a program ended, and what it wrote."""

    code: int
    output: str
    errors: str
    left: list[str]
    pids: int


@contextmanager
def started(arguments: list[str], folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[RunningProgram]:
    """The program with its words in files below `folder`; killed with all it started when the block is left early.

    `settings`: TIDEWHEEL_ variables; those of whoever runs the tests are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWHEEL_")}
    with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as err:
        process = subprocess.Popen(
            tethered([PROGRAM, *arguments], signal.SIGKILL),  # gone with a test that is killed
            cwd=folder,
            env={**environment, **(settings or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            text=True,
            start_new_session=True,
        )
    running = RunningProgram(process)
    try:
        yield running
    finally:
        if process.poll() is None:
            running.scan()
            process.send_signal(signal.SIGKILL)
            process.wait()
        running.kill_left()


def run(
    arguments: list[str],
    folder: Path,
    limit_s: float,
    meanwhile: Callable[[RunningProgram], None] = lambda running: None,
    settings: Mapping[str, str] | None = None,
) -> CompletedRun:
    """Run the program to its end."""
    with started(arguments, folder, settings) as running:
        try:
            code = running.wait(limit_s, meanwhile)
        except TimeoutError as failure:
            raise TimeoutError(f"{failure}; its last words:\n{log_tails(folder)}") from None
        left = running.wait_gone()
    output, errors = (folder / "out.txt").read_text(), (folder / "err.txt").read_text()
    return CompletedRun(code, output, errors, left, len(running.seen))


def log_tails(folder: Path) -> str:
    """The ends of everything the program wrote, for whoever reads a failure."""
    logs = [folder / "out.txt", folder / "err.txt", *sorted(folder.rglob("logs/*.log"))]
    texts = {log.name: log.read_text(errors="replace").splitlines() for log in logs if log.exists()}
    return "\n".join("\n".join([f"--- {name}", *lines[-15:]]) for name, lines in texts.items() if lines)
