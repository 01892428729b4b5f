"""`python -m bench.quality.evidence`: is the evidence right, and how soon does it come? (ADR 25)

- `chance`: on nine kinds of chance markets, the share of streams on which the bettor ever has 20, and 100. At most 5 %
  and 1 % are allowed; of so many streams a figure may be two standard errors above that.
- `planted`: windows until 20 and 100 on markets with an edge, beside the windows until the pooled lift of the last
  twenty models is above 0 by its bound at 90 % or 99 %, the rule before (asked anew each window).
- `lift`: how often that rule ever says so on markets of chance.
- `drift`: windows until a flip is noticed, and windows between false alarms, beside river's ADWIN at several settings.

A JSON line each. The full form takes a processor some 40 minutes; `--streams 100 --windows 200` a minute or two.
"""

import argparse
import json
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from bench.quality.evidence import flips, planted
from bench.quality.evidence.chance import Highest, highest, rule_of
from bench.quality.evidence.markets import CHANCE
from bench.quality.evidence.rules import RULES

LEVELS = (20.0, 100.0)


def of_seed(kind: str, windows: int, seed: int) -> Highest:
    return highest(kind, RULES[rule_of(seed)], seed, windows)


def on_chance(given: argparse.Namespace, pool: Any) -> Iterator[dict[str, Any]]:
    for kind in CHANCE:
        found = pool.map(partial(of_seed, kind, given.windows), range(given.streams), chunksize=10)
        yield {"chance": kind, "streams": len(found), "windows": given.windows, **figures(found)}


def on_planted(given: argparse.Namespace, pool: Any) -> Iterator[dict[str, Any]]:
    for name, edge in planted.EDGES.items():
        found = pool.map(partial(_waits, edge, given.windows), range(max(1, given.streams // 5)), chunksize=5)
        yield {"planted": name, "streams": len(found), **dict(planted.figures(found)), "ok": True}


def _waits(edge: planted.Edge, windows: int, seed: int) -> dict[str, float]:
    return planted.waits(edge, seed, windows)


def on_lift(given: argparse.Namespace, pool: Any) -> Iterator[dict[str, Any]]:
    none = planted.Edge(0.0, 0.9)
    found = pool.map(partial(_waits, none, given.windows), range(max(1, given.streams // 5)), chunksize=5)
    ever = {name: round(float(np.mean([np.isfinite(one[name]) for one in found])), 3) for name in planted.KINDS}
    yield {"lift on chance": "gaussian", "streams": len(found), "windows": given.windows, **ever, "ok": True}


def on_flips(given: argparse.Namespace, pool: Any) -> Iterator[dict[str, Any]]:
    yield from ({**line, "ok": True} for line in flips.compared(max(1, given.streams // 5), given.windows))


PARTS = {"chance": on_chance, "planted": on_planted, "lift": on_lift, "drift": on_flips}


def figures(found: Sequence[Highest]) -> dict[str, Any]:
    """Shares of streams that ever reached each level, and which rule came furthest."""
    gross, net = (np.array([getattr(one, name) for one in found]) for name in ("gross", "net"))
    shares = {f"ever_{level:.0f}": round(float((gross >= level).mean()), 4) for level in LEVELS}
    shares |= {f"net_ever_{level:.0f}": round(float((net >= level).mean()), 4) for level in LEVELS}
    rules = np.array([rule_of(seed) for seed in range(len(found))])
    by_rule = {rule: round(float((gross[rules == rule] >= LEVELS[0]).mean()), 4) for rule in RULES}
    bets = {"bets": round(float(np.mean([one.bets for one in found])))}
    return {**shares, **bets, "ok": all(_within(gross, level) and _within(net, level) for level in LEVELS), **by_rule}


def _within(wealth: Any, level: float) -> bool:
    """At most one in `level`, and two standard errors of that."""
    allowed = 1 / level
    return bool((wealth >= level).mean() <= allowed + 2 * (allowed * (1 - allowed) / len(wealth)) ** 0.5)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.evidence", description=__doc__)
    parser.add_argument("--streams", type=int, default=1_000)
    parser.add_argument("--windows", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", choices=PARTS, action="append", help="default all")
    given = parser.parse_args(arguments)
    ok = True
    with multiprocessing.Pool(given.jobs) as pool:
        for line in chain.from_iterable(PARTS[part](given, pool) for part in given.only or PARTS):
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
            ok &= bool(line["ok"])
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
