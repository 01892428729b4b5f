"""`python -m tests.quality.zoo`: procedures on markets that nobody tuned them for.

Each family of markets (`families.py`) is drawn anew by each seed, labelled by the services' own cores and cut into
windows; each procedure (`procedures.py`) makes a model of the windows so far, which is judged on the next one at a
threshold fixed before, beside whoever knows the market's function. A JSON line a seed, a table a procedure, and its
means beside the goals.

Choices are made on the families and seeds that run by default. Two families and seeds 101 to 108 are kept apart: they
run with `--held-out` only, to be looked at when choices are done, and are reported apart.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from tests.quality.zoo import recorded, table
from tests.quality.zoo.families import CHOOSING_SEEDS, FAMILIES, HELD_OUT_FAMILIES, HELD_OUT_SEEDS, HOUR_S, Made
from tests.quality.zoo.follow import follow
from tests.quality.zoo.procedures import PROCEDURES
from tests.quality.zoo.store import Source, columns_of, default_folder
from tests.quality.zoo.stream import Stream

CHOOSING, HELD_OUT, HELD_OUT_FAMILY = "choosing", "held out seeds", "held out families"


@dataclass(frozen=True)
class Task:
    """One market, and what is to be judged on it."""

    source: Source
    set: str
    procedures: tuple[str, ...]
    windows: int
    size: int
    cache: Path


def run(task: Task) -> dict[str, Any]:
    began_s = time.process_time()
    source = task.source
    with threadpool_limits(1):
        stream = Stream(columns_of(source, task.cache), task.size)
        made_s = time.process_time() - began_s
        procedures = {name: PROCEDURES[name](task.size) for name in task.procedures}
        found = follow(stream, source.market, procedures, task.windows)
    took = {"made_s": round(made_s, 1), "took_s": round(time.process_time() - began_s, 1)}
    return {"zoo": source.family, "seed": source.seed, "set": task.set, **took, **found}


def sources(given: argparse.Namespace) -> Iterator[tuple[Source, str]]:
    """What is to run, each with the set it belongs to."""
    seeds = given.seeds or (HELD_OUT_SEEDS if given.held_out else CHOOSING_SEEDS)
    for family in given.family or [*FAMILIES, recorded.FAMILY]:
        held_out = family in HELD_OUT_FAMILIES
        if held_out and not given.held_out:
            if given.family:
                raise SystemExit(f"{family} is held out: it runs with --held-out only")
            continue
        named = HELD_OUT_FAMILY if held_out else HELD_OUT if given.held_out else CHOOSING
        if family == recorded.FAMILY:
            found, left_out = recorded.there(given.data, seeds)
            for words in left_out:
                sys.stderr.write(f"{words}\n")
            yield from ((one, named) for one in found)
        else:
            yield from ((Made(family, seed, round(given.hours * HOUR_S)), named) for seed in seeds)


def checked(seeds: Sequence[int], *, held_out: bool) -> None:
    if any((seed in HELD_OUT_SEEDS) != held_out for seed in seeds):
        kept_apart = f"{HELD_OUT_SEEDS[0]} to {HELD_OUT_SEEDS[-1]}"
        raise SystemExit(f"seeds {kept_apart} are held out: they run with --held-out, and no others do")


def numbers(text: str) -> list[int]:
    """`1-3,7` as 1, 2, 3, 7."""
    spans = [part.partition("-") for part in text.split(",")]
    return [seed for first, dash, last in spans for seed in range(int(first), int(last if dash else first) + 1)]


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.quality.zoo", description=__doc__)
    parser.add_argument("--family", action="append", choices=[*FAMILIES, recorded.FAMILY], help="default all")
    parser.add_argument("--seeds", type=numbers, default=[], help="such as 1-3,7; default all of the set")
    parser.add_argument("--procedure", action="append", choices=PROCEDURES, help="default trainer and recipe")
    parser.add_argument("--windows", type=int, default=20, help="windows judged on their next, at most")
    parser.add_argument("--window", type=int, default=10_000, help="examples that make a model")
    parser.add_argument("--hours", type=float, default=12.0, help="of each made market")
    parser.add_argument("--held-out", action="store_true", help="what no choice may be made on")
    parser.add_argument("--truth", action="store_true", help="no procedure: the markets alone")
    parser.add_argument("--data", type=Path, help="folder of recorded files")
    parser.add_argument("--cache", type=Path, default=default_folder(), help="default %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    checked(given.seeds, held_out=given.held_out)
    return given


def tasks(given: argparse.Namespace) -> list[Task]:
    named = () if given.truth else tuple(given.procedure or ("trainer", "recipe"))
    return [
        Task(source, apart, named, given.windows, given.window, given.cache.resolve())
        for source, apart in sources(given)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    given = parsed(arguments)
    todo, runs = tasks(given), []
    with multiprocessing.Pool(max(1, min(given.jobs, len(todo)))) as pool:
        for one in pool.imap(run, todo):
            say(json.dumps(one))
            runs.append(one)
    for apart in dict.fromkeys(task.set for task in todo):
        report(apart, [one for one in runs if one["set"] == apart], todo[0].procedures)
    return 0


def report(apart: str, runs: list[dict[str, Any]], procedures: Sequence[str]) -> None:
    for procedure in procedures:
        say(f"\n{apart}: " + "\n".join(table.lines(procedure, runs)))
        say(json.dumps({"zoo": apart, "procedure": procedure, **table.goals(procedure, runs)}))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
