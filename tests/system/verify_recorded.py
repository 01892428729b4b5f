"""Real recorded prices through the whole program, held against the oracle record for record.

`python -m tests.system.verify_recorded FOLDER [NAME …]`, or `make verify DATA=FOLDER`. Takes minutes, so it is no part
of `make test`. The folder holds the recorded files, which stay out of the repository.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests import oracle
from tests.system import driver, verifier

LIMIT_S = 1800.0
WINDOW, MEMORY = 10_000, 12


@dataclass(frozen=True)
class Case:
    """A file and the threshold it is labelled with."""

    file: str
    threshold: str


CASES = {
    "bittrex": Case("bittrex_btcusd_20180222_quotes.csv.gz", "30bps"),
    "bitstamp": Case("bitstamp_btcusd_20150501_quotes.csv.gz", "20bps"),
    "binance": Case("binance_btcusdt_spot_20240808_quotes.csv.gz", "10"),
}


def verify(name: str, case: Case, data: Path, folder: Path) -> list[str]:
    """Everything in which a run on the file differs from the oracle; prints what was compared."""
    file = (data / case.file).resolve()
    arguments = [
        *("run", "--feed", f"replay:{file}", "--threshold", case.threshold, "--speed", "max"),
        *("--export", "out", "--summary", "s.json", "--data-dir", "data"),
    ]
    started = time.monotonic()
    ended = driver.run(arguments, folder, LIMIT_S)
    ran_s = time.monotonic() - started
    if ended.code != 0:
        return [f"{name}: exit code {ended.code}\n{ended.output}{ended.errors}{driver.log_tails(folder)}"]
    result = oracle.evaluate_file(file, oracle.Settings(threshold=case.threshold))
    counts, faults = verifier.differences(folder / "out", {"replay:BTC-USD": result})
    summary = json.loads((folder / "s.json").read_text())
    faults += window_faults(summary, result) + [f"left behind: {left}" for left in ended.left]
    models = summary["models"]
    verdicts = {verdict: sum(m["verdict"] == verdict for m in models) for verdict in ("published", "refused", "failed")}
    words = ", ".join(f"{count:,} {topic}" for topic, count in counts.items())
    print(f"{name}: {ran_s:.1f} s; compared {words}; windows {verdicts}; {len(faults)} differences", flush=True)
    return faults


def window_faults(summary: dict[str, object], result: oracle.Result) -> list[str]:
    """A window for each the oracle closes; one of one class with all that it remembers refused, with a reason."""
    models = {model["seq"]: model for model in summary["models"]}  # type: ignore[attr-defined]
    windows = oracle.windows_of([example.label for example in result.examples()], WINDOW, WINDOW)
    faults = (
        [] if sorted(models) == [w.number for w in windows] else [f"windows {sorted(models)}, wanted {len(windows)}"]
    )
    for window in windows:
        model = models.get(window.number)
        if (
            window.remembered_one_class(windows, MEMORY)
            and model
            and (model["verdict"] != "refused" or not model["reason"])
        ):
            faults.append(f"window {window.number} of one class was {model['verdict']}")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.system.verify_recorded")
    parser.add_argument("data", type=Path, help="the folder with the recorded files")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)}; default all")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(CASES):
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    faults: list[str] = []
    for name in arguments.names or CASES:
        with tempfile.TemporaryDirectory(prefix="tidewheel-verify-") as folder:
            faults += verify(name, CASES[name], arguments.data, Path(folder))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
