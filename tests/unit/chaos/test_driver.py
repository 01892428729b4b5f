"""What the driver of a run does to the processes that it has seen."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from tests.system.driver import RunningProgram
from tests.unit.chaos.stubs import Process


def test_at_the_end_only_those_that_still_run_are_killed() -> None:
    """The number of one that is gone may be another's by then: once it was that of a broker of another run."""
    living, gone, seen_gone = processes = Process(), Process(), Process()
    gone.running = seen_gone.running = False
    assert not seen_gone.is_running()
    seen: Any = dict(enumerate(processes))
    unused: Any = None
    RunningProgram(unused, seen).kill_left()
    assert (living.done, gone.done, seen_gone.done) == (["kill"], [], [])


def test_one_with_the_number_of_another_that_has_ended_is_found() -> None:
    """The machine has few numbers and threads take most of them: a labeler had that of a process long gone."""
    with a_shell_with_a_cat() as shell:
        running = RunningProgram(shell)
        (child,) = psutil.Process(shell.pid).children()
        other = psutil.Process(child.pid)
        other._ident = (other.pid, -1.0)  # one that began at another time
        running.seen[child.pid] = other
        assert running.child("cat") == child


@contextmanager
def a_shell_with_a_cat() -> Iterator[subprocess.Popen[str]]:
    """A shell with a child that has answered, so that it is what it was started as; both gone afterwards."""
    pipe = subprocess.PIPE
    shell = subprocess.Popen(["sh", "-c", "exec 3<&0; cat <&3 & wait"], stdin=pipe, stdout=pipe, text=True)
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write("\n")
    shell.stdin.flush()
    shell.stdout.readline()
    try:
        yield shell
    finally:
        for process in [*psutil.Process(shell.pid).children(), shell]:
            process.kill()
        shell.wait()
