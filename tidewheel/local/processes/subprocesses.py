"""Child processes of the local system: each in a process group of its own, with its output in a file."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tidewheel.domain.errors import TidewheelError
from tidewheel.local.processes import tether
from tidewheel.runtime.retry import Retry

EMPTY_LOG = "it said nothing"
LOG_TAIL_BYTES = 64 * 1024
FAILURE_PATTERN = re.compile(r"Exception|Error|rror:|\bERROR\b|\bFATAL\b")
# What Java says at each start.
JAVA_NOISE = re.compile(r"^(SLF4J|WARNING): ")
READY_CHECK_EVERY_S = 0.05
# With less a server fails at its next write, and cannot even log why.
DISK_FULL_BYTES = 4 * 2**20


class StartError(TidewheelError):
    """A server did not come up; the message is one line that says which, why, and where its log lies."""


def free_port(preferred: int = 0) -> int:
    """A TCP port on loopback that nothing listens on now: the preferred one if it is free."""
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise StartError("no port on 127.0.0.1 is free")


def tethered(command: Sequence[str | Path], parent_death_signal: int, niceness: int = 0) -> list[str | Path]:
    """The command, made to get `parent_death_signal` when the thread that starts it ends, so that a killed parent
    leaves nothing behind. Start it from a thread that lives as long as the parent."""
    arguments = [str(os.getpid()), str(int(parent_death_signal)), str(niceness)]
    return [sys.executable, "-I", "-S", tether.__file__, *arguments, *command]


def start(
    command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None, directory: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a command in its own process group, so that a Ctrl-C of the terminal reaches only its parent.

    Output is appended to `log`; `env` replaces this process's environment. Raises StartError.
    """
    try:
        with log.open("ab") as out:
            return subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(os.environ if env is None else env),
                cwd=directory,
                start_new_session=True,
            )
    except OSError as failure:
        raise StartError(f"could not start {command[0]}: {failure.strerror or failure}") from failure


def stop(process: subprocess.Popen[bytes], grace_s: float) -> int:
    """SIGTERM to the process, SIGKILL to its group when `grace_s` is over; returns the exit code."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(grace_s)
    except subprocess.TimeoutExpired:
        kill_group(process)
        return process.wait()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def await_ready(
    name: str, process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool], limit_s: float
) -> None:
    """Return when `ready()`; raise StartError when the process ends before or `limit_s` passes."""

    def ready_or_ended() -> bool:
        if ready():
            return True
        if process.poll() is not None:
            raise StartError(f"{name} ended with code {process.returncode} while starting: {read_failure_line(log)}")
        return False

    if not Retry(READY_CHECK_EVERY_S, limit_s).until(ready_or_ended):
        kill_group(process)
        raise StartError(f"{name} was not ready after {limit_s:.0f} s; its log is {log}")


def accepts_connections(port: int) -> bool:
    """Whether something listens on the loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return True
    except OSError:
        return False


def read_failure_line(log: Path, since: int = 0) -> str:
    """The line of a log that says best why its process ended. `since`: where the log of this start begins."""
    try:
        if shutil.disk_usage(log.parent).free < DISK_FULL_BYTES:
            return f"no space left on the disk that holds {log.parent}"
        with log.open("rb") as text:
            end = text.seek(0, os.SEEK_END)
            text.seek(max(since, end - LOG_TAIL_BYTES))
            lines = [line.strip() for line in text.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return "it wrote no log"
    failures = [line for line in lines if FAILURE_PATTERN.search(line)]
    meaningful = [line for line in lines if not JAVA_NOISE.match(line)]
    return (failures or meaningful or [EMPTY_LOG])[-1][:300]


def size_of(log: Path) -> int:
    """Length of a log in bytes, 0 where there is none yet."""
    try:
        return log.stat().st_size
    except OSError:
        return 0
