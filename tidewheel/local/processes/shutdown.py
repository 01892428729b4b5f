"""Ending children in order and within a bound, with nothing left behind."""

import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tidewheel.local.processes.subprocesses import kill_group

Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Grace:
    """`each_s`: how long the next in order waits for one to end. `limit_s`: how long all have before a kill."""

    each_s: float
    limit_s: float


def stop_in_order(
    processes: Mapping[str, Process],
    grace: Grace,
    clock: Callable[[], float],
    pause: Callable[[], None],
) -> list[str]:
    """SIGTERM to each in turn, SIGKILL to the groups of all that remain when the time is over.

    Returns the names of those that had to be killed.
    """
    end_s = clock() + grace.limit_s
    for process in processes.values():
        process.send_signal(signal.SIGTERM)
        _await([process], min(clock() + grace.each_s, end_s), clock, pause)
    _await(list(processes.values()), end_s, clock, pause)
    killed = [name for name, process in processes.items() if process.poll() is None]
    kill_all(processes)
    return killed


def kill_all(processes: Mapping[str, Process]) -> None:
    """SIGKILL to each and whatever it has started, now; also what one that ended in order has left behind."""
    for process in processes.values():
        kill_group(process)
    for process in processes.values():
        process.wait()


def _await(processes: list[Process], end_s: float, clock: Callable[[], float], pause: Callable[[], None]) -> None:
    while any(process.poll() is None for process in processes) and clock() < end_s:
        pause()
