"""A run with a Prometheus beside it, small and slow enough for a laptop, until there is something to see."""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from preview.errors import PreviewError
from tidewheel.local.observing.prometheus_api import Prometheus, PrometheusError
from tidewheel.local.processes.subprocesses import read_failure_line, start, stop, tethered

PROGRAM = Path(sys.executable).with_name("tidewheel")
RUN = ("run", "--observe", "--window", "3000", "--trials", "4", "--speed", "30")
# What takes longest to appear.
SEEN = (
    ("models serve", "sum(tidewheel_model_seq) >= 8"),
    ("models are judged", "min(tidewheel_bets) > 0"),
    ("calls are answered", "sum(tidewheel_rpcs_total) > 0"),
)
START_LIMIT_S, LOOK_S, STOP_GRACE_S = 600.0, 5.0, 60.0
# A dashboard's queries reach far back, on a machine that has much else to do.
ANSWER_LIMIT_S = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class System:
    """A run that has begun."""

    ended: Callable[[], str | None]
    prometheus_url: Callable[[], str | None]


@contextmanager
def running() -> Iterator[System]:
    """The run, ended with all it started when the block is left; its data is thrown away."""
    with tempfile.TemporaryDirectory(prefix="tidewheel-preview-") as name:
        data, log = Path(name) / "data", Path(name) / "log.txt"
        process = start(tethered([PROGRAM, *RUN, "--data-dir", str(data)], signal.SIGKILL), log)

        def ended() -> str | None:
            return None if process.poll() is None else read_failure_line(log)

        try:
            yield System(ended, lambda: _address(data / "run.json"))
        finally:
            stop(process, STOP_GRACE_S)


def _address(description: Path) -> str | None:
    try:
        found = json.loads(description.read_text()).get("prometheus")
    except (OSError, ValueError):
        return None
    return str(found) if found else None


def collected(system: System, minutes: float, say: Say) -> Prometheus:
    """The run's Prometheus, once it has collected so long and knows of all of `SEEN`. Raises PreviewError."""
    limit_s = time.monotonic() + START_LIMIT_S + 60 * minutes
    ready_s = None
    while time.monotonic() < limit_s:
        if (why := system.ended()) is not None:
            raise PreviewError(f"tidewheel run ended: {why}")
        missing = _missing(system.prometheus_url())
        if ready_s is None and "Prometheus" not in missing:
            ready_s = time.monotonic() + 60 * minutes
        left_s = 60 * minutes if ready_s is None else max(ready_s - time.monotonic(), 0)
        if not missing and not left_s and (url := system.prometheus_url()):
            return Prometheus(url, ANSWER_LIMIT_S)
        say(f"collecting, {left_s:.0f} s to go" + (f"; not yet: {', '.join(missing)}" if missing else ""))
        time.sleep(LOOK_S)
    raise PreviewError(f"after {START_LIMIT_S + 60 * minutes:.0f} s there is still not: {', '.join(missing)}")


def _missing(url: str | None) -> list[str]:
    if url is None:
        return ["Prometheus"]
    prometheus = Prometheus(url, ANSWER_LIMIT_S)
    try:
        return [what for what, expr in SEEN if not prometheus.query(expr)]
    except PrometheusError:
        return ["Prometheus"]
