"""`make chaos SEED=n MINUTES=m`: kills, stops and crowds everything while two recorded files are replayed side by side.

At the end the records, the windows and the models of each must be those of an undisturbed run on it alone. Exit code 1
where anything differs; the folder with all logs is kept then, and the seed gives the same plan again.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.system import recorded
from tests.system.chaos import neighbour
from tests.system.chaos.disturbed import CALM_S, NEIGHBOUR_SHARE, Verdict, disturb
from tests.system.chaos.plan import Kind, rotation
from tests.system.conftest import SYMBOL, Replayed, replay

# So fast the market is replayed, about: fast enough that there is always something to lose.
SPEED = 100
ROUND_S = 4360  # market seconds of a round of the made file with the break after it
UNDISTURBED_LIMIT_S = 900.0
# From the seed of one instrument's file to that of the other's.
OTHER_SEED = 1_000_000


def say(words: str) -> None:
    print(words, flush=True)


def chaos(seed: int, minutes: float, folder: Path, tampering: bool) -> Verdict:
    """Make two files, replay each undisturbed and alone, replay both disturbed, compare."""
    seconds = 60 * minutes
    rounds = seconds * SPEED / ROUND_S
    undisturbed = undisturbed_run(SYMBOL, seed, rounds, folder)
    beside = undisturbed_run(neighbour.SYMBOL, seed + OTHER_SEED, rounds * NEIGHBOUR_SHARE, folder)
    plan = rotation(seed, seconds - CALM_S)
    if len({one.kind for one in plan}) < len(Kind):
        say(f"seed {seed}: {minutes:g} min are too short for all kinds of disturbances")
    say(f"seed {seed}: up to {len(plan)} disturbances in {minutes:g} min")

    def say_with_seed(words: str) -> None:
        say(f"seed {seed} {words}")

    return disturb(plan, folder / "disturbed", undisturbed, seconds, say_with_seed, beside, seed if tampering else None)


def undisturbed_run(symbol: str, seed: int, rounds: float, folder: Path) -> Replayed:
    """Of a file made by seed, in a folder by the name of the symbol."""
    started_s = time.monotonic()
    own = folder / symbol
    own.mkdir()
    file = recorded.write(own / "quotes.csv", seed, max(1, round(rounds)))
    undisturbed = replay(file, own / "undisturbed", symbol=symbol, limit_s=UNDISTURBED_LIMIT_S)
    if undisturbed.ended.code != 0:
        raise SystemExit(f"the undisturbed run failed:\n{undisturbed.ended.output}{undisturbed.ended.errors}")
    say(
        f"{symbol} undisturbed: {time.monotonic() - started_s:.0f} s, "
        f"{len(undisturbed.result.bars):,} market seconds, {len(undisturbed.summary['models'])} windows"
    )
    return undisturbed


def say_with_seed(verdict: Verdict) -> Iterator[str]:
    """What was done, in lines."""
    for kind, count in sorted(verdict.done.items()):
        yield f"{count:4} × {kind}"
    if verdict.account is not None:
        yield from verdict.account.lines()
    for end in verdict.excused:
        yield f"while there was no broker: {end}"
    yield f"restarts by the run: {verdict.restarts}; the neighbour began {verdict.neighbour_starts} times"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.system.chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--own-broker", action="store_true", help="the run's, with no proxy before it")
    arguments = parser.parse_args()
    if not rotation(arguments.seed, 60 * arguments.minutes - CALM_S):
        parser.error(f"{arguments.minutes:g} minutes are too short for any disturbance")
    folder = Path(tempfile.mkdtemp(prefix=f"tidewheel-chaos-{arguments.seed}-"))
    say(f"seed {arguments.seed}: logs in {folder}")
    verdict = chaos(arguments.seed, arguments.minutes, folder, not arguments.own_broker)
    for line in say_with_seed(verdict):
        say(line)
    for fault in verdict.faults:
        say(f"seed {arguments.seed}: {fault}")
    say(f"seed {arguments.seed}: {len(verdict.faults)} differences" + (f"; see {folder}" if verdict.faults else ""))
    if not verdict.faults:
        shutil.rmtree(folder)
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
