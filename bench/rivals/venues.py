"""`python -m bench.rivals.venues`: ingest and ccxt.pro on one local venue, in turns: the share of its messages that
became somebody's, and the processor time of a message.

Both hear the same messages at the same pace, one they can keep up with: ten at once, each 20 ms. Of a `mixed` burst
each message is of the next symbol; an `alike` burst is of one symbol, as when an order takes several levels of a book.
Ours counts what is on Kafka, and its processor time is that of the whole service; of ccxt counts each message that one
of its calls has returned, and nothing is done with it. Processor time is that from the first message to the last.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.harness import machine, process_cpu_s, servers, service, spread
from bench.live import BURST
from bench.live_paced import MESSAGES_PER_S, SYMBOLS, Reader, listen, settings, venue

ROOT = Path(__file__).parent.parent.parent
PYTHON = ROOT / ".venv-rivals-ccxt" / "bin" / "python"
OURS = "tidewheel"
THEIRS = ("together", "apart")
# Burst -> quotes of one symbol in a row.
BURSTS = {"mixed": 1, "alike": BURST}
LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One hearing of one contender."""

    delivered_ratio: float
    cpu_us_per_message: float
    version: str = ""


def hear_ours(count: int, run: int) -> Heard:
    with (
        servers() as running,
        tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as name,
        venue(count, run) as (url, words),
        Reader(running.kafka) as reader,
        service("ingest", Path(name), settings(running.kafka, url)) as ingest,
    ):
        words.readline()
        begun_s = process_cpu_s(psutil.Process(ingest.pid))
        words.readline()
        taken_s = process_cpu_s(psutil.Process(ingest.pid)) - begun_s
        listen(reader, ingest.pid, count)
    return Heard(reader.quotes / count, taken_s / count * 1e6)


def hear_theirs(how: str, count: int, run: int) -> Heard:
    """Raises RuntimeError with its last words where it fails."""
    with venue(count, run) as (url, words), ccxt(url, how) as process:
        words.readline()
        begun_s = process_cpu_s(psutil.Process(process.pid))
        words.readline()
        taken_s = process_cpu_s(psutil.Process(process.pid)) - begun_s
        told, said = process.communicate("end\n", timeout=LIMIT_S)
    if process.returncode:
        raise RuntimeError(f"ccxt ended with {process.returncode}: {said}")
    measured = json.loads(told)
    return Heard(measured["handed_over"] / count, taken_s / count * 1e6, measured["version"])


@contextmanager
def ccxt(url: str, how: str) -> Iterator["subprocess.Popen[str]"]:
    symbols = ",".join(symbol.replace("-", "/") for symbol in SYMBOLS)
    with subprocess.Popen(
        [str(PYTHON), "-m", "bench.rivals.on_ccxt", url, symbols, how],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def compare(count: int, rounds: int) -> dict[str, Any]:
    """All contenders in turns."""
    figures: dict[str, Any] = {}
    for burst, run in BURSTS.items():
        ours: list[Heard] = []
        theirs: dict[str, list[Heard]] = {how: [] for how in THEIRS}
        for _ in range(rounds):
            ours.append(hear_ours(count, run))
            for how in THEIRS:
                theirs[how].append(hear_theirs(how, count, run))
        figures[burst] = {OURS: middle(ours), **{f"ccxt_{how}": middle(theirs[how]) for how in THEIRS}}
        figures["ccxt_version"] = theirs[THEIRS[0]][0].version
    return figures


def middle(heard: Sequence[Heard]) -> dict[str, Any]:
    """Medians of the rounds, and the lowest and highest of each."""
    ratios, costs = [one.delivered_ratio for one in heard], [one.cpu_us_per_message for one in heard]
    return {"delivered_ratio": spread(ratios, 4), "cpu_us_per_message": spread(costs, 1)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rivals.venues")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20, help="that a contender hears in a round")
    given = parser.parse_args()
    if not PYTHON.exists():
        print("no environment of ccxt: run `make bench-venues`", file=sys.stderr)
        return 2
    count = given.seconds * MESSAGES_PER_S
    sizes = {"messages": count, "messages_per_s": MESSAGES_PER_S, "burst": BURST, "symbols": len(SYMBOLS)}
    print(
        json.dumps(
            {"bench": "venues", **sizes, "rounds": given.rounds, **compare(count, given.rounds), "on": machine()}
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
