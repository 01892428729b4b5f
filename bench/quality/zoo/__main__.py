"""`python -m bench.quality.zoo`: procedures on markets that nobody tuned them for.

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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from bench.quality.zoo import recorded, table
from bench.quality.zoo.families import CHOOSING_SEEDS, FAMILIES, HELD_OUT_FAMILIES, HELD_OUT_SEEDS, HOUR_S, Made
from bench.quality.zoo.follow import follow
from bench.quality.zoo.procedures import PROCEDURES
from bench.quality.zoo.store import Source, columns_of, default_folder
from bench.quality.zoo.stream import Stream

CHOOSING, HELD_OUT, HELD_OUT_FAMILY = "choosing", "held out seeds", "held out families"


@dataclass(frozen=True)
class Task:
    """One market, and what is to be judged on it."""

    source: Source
    set: str  # choosing, or which kind of held out
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
        procedures = {name: PROCEDURES[name](task.size, source.market) for name in task.procedures}
        found = follow(stream, source.market, procedures, task.windows)
    took = {"made_s": round(made_s, 1), "took_s": round(time.process_time() - began_s, 1)}
    return {"zoo": source.family, "seed": source.seed, "set": task.set, **took, **found}


def sources(given: argparse.Namespace) -> list[tuple[Source, str]]:
    """What is to run, each with the set it belongs to; seed by seed, so that the first lines tell of all families."""
    seeds = given.seeds or (HELD_OUT_SEEDS if given.held_out else CHOOSING_SEEDS)
    chosen = given.family or [*FAMILIES, recorded.FAMILY]
    found: list[Source] = []
    if recorded.FAMILY in chosen:
        there, left_out = recorded.there(given.data, seeds)
        sys.stderr.writelines(f"{words}\n" for words in left_out)
        found += there
    made = [one for one in chosen if one in FAMILIES and (given.held_out or one not in HELD_OUT_FAMILIES)]
    found += [Made(family, seed, round(given.hours * HOUR_S)) for seed in seeds for family in made]
    return [(one, set_of(one.family, held_out=given.held_out)) for one in found]


def set_of(family: str, *, held_out: bool) -> str:
    return CHOOSING if not held_out else HELD_OUT_FAMILY if family in HELD_OUT_FAMILIES else HELD_OUT


def checked(families: Sequence[str], seeds: Sequence[int], *, held_out: bool) -> None:
    """Raises SystemExit where what is asked for is kept apart."""
    if not held_out and set(families) & set(HELD_OUT_FAMILIES):
        raise SystemExit(f"{' and '.join(HELD_OUT_FAMILIES)} are held out: they run with --held-out only")
    if any((seed in HELD_OUT_SEEDS) != held_out for seed in seeds):
        kept_apart = f"{HELD_OUT_SEEDS[0]} to {HELD_OUT_SEEDS[-1]}"
        raise SystemExit(f"seeds {kept_apart} are held out: they run with --held-out, and no others do")


def numbers(text: str) -> list[int]:
    """`1-3,7` as 1, 2, 3, 7."""
    spans = [part.partition("-") for part in text.split(",")]
    return [seed for first, dash, last in spans for seed in range(int(first), int(last if dash else first) + 1)]


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.zoo", description=__doc__)
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
    checked(given.family or [], given.seeds, held_out=given.held_out)
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
