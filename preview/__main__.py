"""`python -m preview`: each dashboard as a picture in `docs/pictures/dashboards`, of a run that it starts and ends.

With `--prometheus URL` of a Prometheus that is there already. Exit code 1, with their names, where panels are empty.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from preview.bundles import Asked, bundle
from preview.drawing import draw
from preview.errors import PreviewError
from preview.system import ANSWER_LIMIT_S, collected, running
from preview.verdict import faults
from tidewheel.local.observing.prometheus_api import Prometheus, PrometheusError
from tidewheel.local.processes.subprocesses import StartError

ROOT = Path(__file__).parent.parent
DASHBOARDS = ROOT / "deploy" / "observability" / "dashboards"
PICTURES = ROOT / "docs" / "pictures" / "dashboards"
PREFIX = "tidewheel-"
# How long ago Prometheus's first sample lies, within the dashboards' own quarter of an hour.
FIRST_SAMPLE_S = "min(min_over_time(timestamp(up)[15m:5s]))"


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = parsed()
    try:
        with ExitStack() as stack:
            if options.prometheus:
                prometheus = Prometheus(options.prometheus, ANSWER_LIMIT_S)
            else:
                prometheus = collected(stack.enter_context(running()), options.minutes, say)
            found = pictures(prometheus, options)
    except KeyboardInterrupt:
        say("given up; all that was started has ended")
        return 130
    except (PreviewError, PrometheusError, StartError) as failure:
        say(str(failure))
        return 1
    for fault in found:
        say(fault)
    return 1 if found else 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="preview", description="Our dashboards as pictures.")
    parser.add_argument("--prometheus", metavar="URL", help="draw what this one has; default: start a run with one")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long to collect before drawing (default: 5)")
    parser.add_argument("--to", metavar="TIME", type=time_s, help="draw those before, as 2026-01-31T12:00:00Z")
    parser.add_argument("--width", type=int, default=1600, help="of a picture, in pixels (default: 1600)")
    parser.add_argument("--dashboards", type=Path, default=DASHBOARDS, help="folder of their JSON")
    parser.add_argument("--out", type=Path, default=PICTURES, help="folder of the pictures")
    return parser.parse_args()


def say(words: str) -> None:
    print(f"preview: {words}", flush=True)


def time_s(text: str) -> float:
    """Of an ISO date with its zone."""
    if (at := datetime.fromisoformat(text)).tzinfo is None:
        raise ValueError(f"{text} names no zone")
    return at.timestamp()


def shown(prometheus: Prometheus, options: argparse.Namespace) -> Asked:
    """From when to when. Raises PreviewError where nothing was collected, PrometheusError."""
    if options.to is not None:
        return Asked(options.to - 60 * options.minutes, options.to, options.width)
    now_s = time.time()
    if (first_s := prometheus.value(FIRST_SAMPLE_S)) is None:
        raise PreviewError("this Prometheus has collected nothing in the last quarter of an hour")
    return Asked(first_s, now_s, options.width)


def pictures(prometheus: Prometheus, options: argparse.Namespace) -> list[str]:
    """Draws all; returns what is wrong with them. Raises PreviewError, PrometheusError."""
    asked = shown(prometheus, options)
    dashboards = {path.stem: json.loads(path.read_text()) for path in sorted(options.dashboards.glob("*.json"))}
    with tempfile.TemporaryDirectory(prefix="tidewheel-preview-") as name:
        folder = Path(name)
        for stem, dashboard in dashboards.items():
            say(f"asking for {dashboard['title']}")
            (folder / f"{stem}.json").write_text(json.dumps(bundle(dashboard, prometheus, asked)))
        say("drawing")
        reports = draw(folder, list(dashboards), options.width)
        options.out.mkdir(parents=True, exist_ok=True)
        for report in reports:
            picture = options.out / f"{report['name'].removeprefix(PREFIX)}.png"
            picture.write_bytes((folder / f"{report['name']}.png").read_bytes())
            say(f"{picture.name}: {picture.stat().st_size // 1024} kB, {len(report['panels'])} panels")
    return [fault for report in reports for fault in faults(dashboards[report["name"]], report)]


if __name__ == "__main__":
    sys.exit(main())
