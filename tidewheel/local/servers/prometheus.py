"""A Prometheus on this machine: the one that is installed."""

import shutil
from pathlib import Path

from tidewheel.local.processes.subprocesses import StartError, accepts_connections
from tidewheel.runtime.process import FatalError

PROMETHEUS = "prometheus"
RETENTION = "15d"
MISSING = (
    "--observe needs Prometheus, and there is no prometheus on PATH. On Debian and Ubuntu: "
    "apt-get install --no-install-recommends prometheus. Elsewhere put the binary of its release on PATH"
)


def server_binary() -> Path:
    """The server to run. Raises FatalError where there is none."""
    installed = shutil.which(PROMETHEUS)
    if installed is None:
        raise FatalError(MISSING)
    return Path(installed)


def prometheus_command(binary: Path, config: Path, data: Path, port: int) -> list[str]:
    """The command that runs the server, which keeps what it collects in `data`. Raises StartError."""
    if accepts_connections(port):
        raise StartError(f"port {port} is in use; end what listens there")
    return [
        str(binary),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--storage.tsdb.retention.time={RETENTION}",
        f"--web.listen-address=127.0.0.1:{port}",
        # A sample of a histogram may carry the trace that it is of.
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]
