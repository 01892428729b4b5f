"""Become another program that is signalled when the process that started it dies, however it dies.

Called as a script: `python -I -S tether.py <parent pid> <signal> <niceness> <program> [argument …]`. A program of its
own, since code between fork and exec is unsafe in a parent with threads, and since the kernel forgets nothing over an
exec. Where the system has no such signal (it is Linux's) the program just runs.
"""

import ctypes
import os
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
EXIT_NOT_STARTED = 127


def main(arguments: list[str]) -> int:
    """Never returns where the program could be started."""
    parent, number, niceness, *command = arguments
    if not die_with_parent(int(number), int(parent)):
        return EXIT_NOT_STARTED
    lower_priority(int(niceness))
    try:
        os.execvp(command[0], command)
    except OSError as failure:
        sys.stderr.write(f"could not start {command[0]}: {failure.strerror}\n")
    return EXIT_NOT_STARTED


def die_with_parent(number: int, parent: int) -> bool:
    """Have this process signalled when its parent dies, where the system can; False where it has died already."""
    if sys.platform != "linux":
        return True
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    return os.getppid() == parent  # else it died before the line above took effect


def lower_priority(niceness: int) -> None:
    """Leave the processor to others that want it. Where Linux groups tasks by session (sched(7), autogroup) it compares
    niceness within a session only; there the group is told as well, by the leader of a session, whose own it is."""
    if not niceness:
        return
    os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with suppress(OSError), open("/proc/self/autogroup", "w") as group:
            group.write(str(niceness))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
