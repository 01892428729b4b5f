"""`python -m tests.simulation`: one seed with its trace where it fails, or a great many; `--mutants`: how
soon faults in the services are found."""

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable

from tests.simulation import mutants, runs
from tests.simulation.shrink import failure_report, shrink

SEEDS = 1000
TOLD_EVERY = 100


def say(message: str) -> None:
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


def silence_logs() -> None:
    """What services say of faults is not asked for here."""
    logging.disable(logging.CRITICAL)


def failing(seed: int) -> tuple[int, str]:
    """A seed, and how it fails; empty where it does not."""
    return seed, runs.run(seed).failure


def run_one(seed: int) -> int:
    outcome = runs.run(seed)
    if outcome.failure:
        say(failure_report(shrink(outcome)))
        return 1
    say(f"seed {seed}: all is well after {outcome.steps} steps and {len(outcome.injected)} faults")
    return 0


def run_many(seeds: range, workers: int) -> int:
    """Exit code: 1 at the first seed that fails."""
    began_s = time.monotonic()
    with multiprocessing.Pool(workers, silence_logs) as pool:
        for done, (seed, failure) in enumerate(pool.imap_unordered(failing, seeds, chunksize=4), start=1):
            if failure:
                pool.terminate()
                say(f"seed {seed} fails after {done} seeds; fewer faults are tried")
                return run_one(seed)
            if done % TOLD_EVERY == 0:
                say(f"{done} seeds, {done / (time.monotonic() - began_s):.1f} a second")
    took_s = time.monotonic() - began_s
    say(f"{len(seeds)} seeds from {seeds.start} on: all is well; {took_s:.0f} s, {len(seeds) / took_s:.1f} a second")
    return 0


def find_mutants(names: Iterable[str], seeds_max: int) -> int:
    """How many seeds it takes to kill each mutant."""
    missed = 0
    for mutant in mutants.MUTANTS:
        if all(word in mutant.name for word in names):
            found = mutants.find(mutant, range(seeds_max))
            missed += found is None or mutant.killed_by not in found.reason
            if found is None:
                say(f"{mutant.name}: not found by {seeds_max} seeds")
            else:
                otherwise = (
                    "" if mutant.killed_by in found.reason else f", but not as {mutant.killed_by!r}: {found.reason}"
                )
                say(f"{mutant.name}: seed {found.seed}{otherwise}")
    return int(missed > 0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int, help="one seed")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="so many seeds")
    parser.add_argument("--start", type=int, default=0, help="the first of them")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--mutants", nargs="*", metavar="WORD", help="run the mutants whose names hold these words")
    arguments = parser.parse_args()
    silence_logs()
    if arguments.mutants is not None:
        return find_mutants(arguments.mutants, arguments.seeds)
    if arguments.seed is not None:
        return run_one(arguments.seed)
    return run_many(range(arguments.start, arguments.start + arguments.seeds), arguments.workers)


if __name__ == "__main__":
    sys.exit(main())
