"""`python -m bench [NAME …] [--size smoke|full]`: run benches, one JSON line each."""

import argparse
import json
import pkgutil
import sys
import time
from importlib import import_module

import bench
from bench.harness import Size, machine, servers

NAMES = sorted(
    module.name for module in pkgutil.iter_modules(bench.__path__) if module.name not in ("__main__", "harness")
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default all")
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.FULL)
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    for name in arguments.names or NAMES:
        with servers() as running:
            started = time.perf_counter()
            figures = import_module(f"bench.{name}").run(arguments.size, running)
        took = {"bench": name, "size": arguments.size, "bench_s": round(time.perf_counter() - started, 3)}
        print(json.dumps({**took, **figures, "on": machine()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
