"""`python -m bench [NAME …] [--size smoke|full] [--rounds N]`: run benches, one JSON line each.

With rounds the benches take turns, and a last line has the best of each rate (`…_per_s…`): on a shared machine the best
run is the one that was disturbed least, and rates taken in turn may be compared.
"""

import argparse
import json
import pkgutil
import sys
import time
from importlib import import_module
from typing import Any

import bench
from bench.harness import Size, machine, servers

# Not `rivals`, which needs environments of its own: `make bench-rivals`.
NAMES = sorted(
    module.name
    for module in pkgutil.iter_modules(bench.__path__)
    if module.name not in ("__main__", "harness", "records", "rivals", "searches")
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default all")
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.FULL)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    best: dict[str, float] = {}
    for _ in range(arguments.rounds):
        for name in arguments.names or NAMES:
            figures = one(name, arguments.size)
            print(json.dumps({**figures, "on": machine()}), flush=True)
            for rate, value in rates(name, figures):
                best[rate] = max(value, best.get(rate, 0.0))
    if arguments.rounds > 1:
        print(json.dumps({"best_of": arguments.rounds, **best}), flush=True)
    return 0


def one(name: str, size: Size) -> dict[str, Any]:
    """Run one bench on servers of its own."""
    with servers() as running:
        started = time.perf_counter()
        figures: dict[str, Any] = import_module(f"bench.{name}").run(size, running)
    return {"bench": name, "size": size, "bench_s": round(time.perf_counter() - started, 3), **figures}


def rates(name: str, figures: dict[str, Any]) -> list[tuple[str, float]]:
    """The figures where more is better."""
    return [(f"{name}.{key}", value) for key, value in figures.items() if "_per_s" in key]


if __name__ == "__main__":
    sys.exit(main())
