"""`python -m bench [NAME …] [--size smoke|full] [--rounds N]`: run benches, one JSON line each.

With rounds the benches take turns, and last lines have the best of each rate (`…_per_s…`): on a shared machine the best
run is the one that was disturbed least, and rates taken in turn may be compared. Unless told otherwise the labeler and
its yardstick have three rounds, the others one. Exit code 1 where rounds of a bench differ in the hash of their result.
"""

import argparse
import json
import pkgutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import bench
from bench.harness import Size, machine, servers

# Not `rivals`, which needs environments of its own, nor `quality`: `make bench-rivals`, `make quality`, `make zoo`.
NAMES = sorted(
    module.name
    for module in pkgutil.iter_modules(bench.__path__)
    if module.name
    not in ("__main__", "h2load", "harness", "quality", "recorded_layouts", "records", "rivals", "searches")
)
# Held against each other, so they take turns.
COMPARED = ("labeler", "passthrough")
COMPARED_ROUNDS = 3

Figures = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default all")
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.FULL)
    compared = f"{COMPARED_ROUNDS} of {' and '.join(COMPARED)} where both are run, 1 of the others"
    parser.add_argument("--rounds", type=int, help=f"default {compared}")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    runs: dict[str, list[Figures]] = {}
    for name in run_order(arguments.names or NAMES, arguments.rounds):
        figures = one(name, arguments.size)
        print(json.dumps({**figures, "on": machine()}), flush=True)
        runs.setdefault(name, []).append(figures)
    faults = list(hash_mismatches(runs))
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        return 1
    for line in best_rates(runs):
        print(json.dumps(line), flush=True)
    return 0


def run_order(names: Sequence[str], rounds: int | None) -> list[str]:
    """Which bench runs after which."""
    if rounds is not None:
        return [*names] * rounds
    if not set(COMPARED) <= set(names):
        return [*names]
    return [*COMPARED] * COMPARED_ROUNDS + [name for name in names if name not in COMPARED]


def hash_mismatches(runs: Mapping[str, Sequence[Figures]]) -> Iterator[str]:
    """A sentence for each bench that has computed one thing in one round and another in the next."""
    for name, rounds in runs.items():
        hashes = [figures["result_hash"] for figures in rounds]
        if len(set(hashes)) > 1:
            yield f"{name}: its rounds differ in their result: {', '.join(hashes)}"


def best_rates(runs: Mapping[str, Sequence[Figures]]) -> Iterator[Figures]:
    """The best of each rate of what had rounds."""
    for name, rounds in runs.items():
        rates = [key for key in rounds[0] if "_per_s" in key]
        if len(rounds) > 1 and rates:
            yield {
                "bench": name,
                "best_of": len(rounds),
                **{rate: max(figures[rate] for figures in rounds) for rate in rates},
            }


def one(name: str, size: Size) -> Figures:
    """Run one bench on servers of its own."""
    with servers() as running:
        started = time.perf_counter()
        figures: Figures = import_module(f"bench.{name}").run(size, running)
    return {"bench": name, "size": size, "bench_s": round(time.perf_counter() - started, 3), **figures}


if __name__ == "__main__":
    sys.exit(main())
