"""A second instrument beside the run's own: an ingest that is no child of the run and has no word on when it ends.

With it each labeler has something to lose when another comes or goes, and what is written of one instrument is held
against a run on it alone.
"""

import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.system.chaos.labelers import settings
from tidewheel.local.processes.subprocesses import kill_group, start, tethered

SYMBOL = "ETH-USD"


@dataclass
class Neighbour:
    """Its ingest is started again whenever it ended before its file did, as a supervisor would."""

    file: Path
    speed: str
    log: Path
    starts: int = 0
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def done(self) -> bool:
        """The whole file has been published."""
        return self._process is not None and self._process.poll() == 0

    @property
    def process(self) -> psutil.Process | None:
        """Its live process, which may be about to be started again."""
        if self._process is None or self._process.poll() is not None:
            return None
        return psutil.Process(self._process.pid)

    def keep(self, kafka: str) -> None:
        """Start it where it does not run and is not done."""
        if self.process is not None or self.done:
            return
        own = {
            "KAFKA": kafka,
            "FEED": f"replay:{self.file}",
            "INSTRUMENT": SYMBOL,
            "SPEED": self.speed,
            "METRICS_PORT": "0",
        }
        environment = {**settings(), **{f"TIDEWHEEL_{name}": value for name, value in own.items()}}
        command = tethered([sys.executable, "-m", "services.ingest"], signal.SIGKILL)
        self._process = start(command, self.log, environment)
        self.starts += 1

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            kill_group(self._process)
            self._process.wait()
