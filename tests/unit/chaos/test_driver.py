"""What the driver of a run does to the processes that it has seen."""

from typing import Any

from tests.system.driver import Running
from tests.unit.chaos.stubs import Process


def test_at_the_end_only_those_that_still_run_are_killed() -> None:
    """The number of one that is gone may be another's by then: once it was that of a broker of another run."""
    living, gone, seen_gone = processes = Process(), Process(), Process()
    gone.running = seen_gone.running = False
    assert not seen_gone.is_running()
    seen: Any = dict(enumerate(processes))
    unused: Any = None
    Running(unused, seen).kill_left()
    assert (living.done, gone.done, seen_gone.done) == (["kill"], [], [])
