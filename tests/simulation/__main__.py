"""`python -m tests.simulation`: one seed with its trace where it fails, or a great many; `planted`: how soon faults in
the services are found."""

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable

from tests.simulation import planted, runs
from tests.simulation.shrink import shrink, story

SEEDS = 1000
TOLD_EVERY = 100


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def quiet() -> None:
    """What services say of faults is not asked for here."""
    logging.disable(logging.CRITICAL)


def failing(seed: int) -> tuple[int, str]:
    """A seed, and how it fails; empty where it does not."""
    return seed, runs.run(seed).failure


def one(seed: int) -> int:
    outcome = runs.run(seed)
    if outcome.failure:
        say(story(shrink(outcome)))
        return 1
    say(f"seed {seed}: all is well after {outcome.steps} steps and {len(outcome.fired)} faults")
    return 0


def many(seeds: range, workers: int) -> int:
    """Exit code: 1 at the first seed that fails."""
    began_s = time.monotonic()
    with multiprocessing.Pool(workers, quiet) as pool:
        for done, (seed, failure) in enumerate(pool.imap_unordered(failing, seeds, chunksize=4), start=1):
            if failure:
                pool.terminate()
                say(f"seed {seed} fails after {done} seeds; fewer faults are tried")
                return one(seed)
            if done % TOLD_EVERY == 0:
                say(f"{done} seeds, {done / (time.monotonic() - began_s):.1f} a second")
    took_s = time.monotonic() - began_s
    say(f"{len(seeds)} seeds from {seeds.start} on: all is well; {took_s:.0f} s, {len(seeds) / took_s:.1f} a second")
    return 0


def find_planted(names: Iterable[str], seeds_max: int) -> int:
    """How many seeds each planted fault takes."""
    missed = 0
    for fault in planted.PLANTED:
        if all(word in fault.name for word in names):
            found = planted.find(fault, range(seeds_max))
            missed += found is None or fault.found_as not in found.reason
            if found is None:
                say(f"{fault.name}: not found by {seeds_max} seeds")
            else:
                otherwise = "" if fault.found_as in found.reason else f", but not as {fault.found_as!r}: {found.reason}"
                say(f"{fault.name}: seed {found.seed}{otherwise}")
    return int(missed > 0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int, help="one seed")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="so many seeds")
    parser.add_argument("--start", type=int, default=0, help="the first of them")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--planted", nargs="*", metavar="WORD", help="plant faults whose names hold these words")
    told = parser.parse_args()
    quiet()
    if told.planted is not None:
        return find_planted(told.planted, told.seeds)
    if told.seed is not None:
        return one(told.seed)
    return many(range(told.start, told.start + told.seeds), told.workers)


if __name__ == "__main__":
    sys.exit(main())
