"""`python -m bench.rivals`: our labeler and the same job on other stream processors, in turn on one broker.

Each gets fresh topics, one process and the same inputs, a slow one those of fewer instruments: rates are per second of
its own input. Printed is one JSON line a market and contender: rates by wall clock and the CPU of the contender's
process (what a shared machine disturbs least), ours as a multiple of theirs, and whether the rival wrote what ours did
of the same instruments, record for record.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

from bench.harness import machine, servers, spread
from bench.labeler import Market, fill, label
from bench.rivals.topics import recreate_topics
from tidewheel.contracts.codecs.orders import decode_example, decode_transaction, encode_example, encode_transaction
from tidewheel.contracts.topics import EXAMPLES, TRANSACTIONS, Topic
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders
from tidewheel.runtime.kafka import read_to_end

ROOT = Path(__file__).parent.parent.parent
OURS = "tidewheel"
PARTITIONS = 2
LIFE_S = 400
LIMIT_S = 900.0
LAST_WORDS = 2_000

# Topic and instrument -> number of records and a hash over their values.
Written = dict[str, tuple[int, str]]


class EndingMarket(Market):
    """A market whose session ends with its last second, so that void orders are compared too."""

    def __iter__(self) -> Iterator[tuple[MarketSecond, SecondOrders]]:
        for second, orders in super().__iter__():
            yield replace(second, ends_session=second.second == self.last_second), orders


@dataclass(frozen=True, slots=True)
class Rival:
    """Another stream processor: its module here, its interpreter, what it is told besides, and how many of a market's
    instruments it can be given without waiting for it all day."""

    name: str
    module: str
    python: Path
    arguments: tuple[str, ...] = ()
    instruments_max: int | None = None


@dataclass(frozen=True, slots=True)
class RunMeasurement:
    """One run of one contender: seconds from its first input to its last commit, and what it says of itself."""

    market_seconds: int
    wall_s: float
    cpu_s: float
    written: Written
    about: Mapping[str, Any]

    @property
    def rate(self) -> float:
        """Market seconds a second."""
        return self.market_seconds / self.wall_s

    @property
    def cost(self) -> float:
        """CPU seconds a market second."""
        return self.cpu_s / self.market_seconds

    def records(self, topic: Topic) -> int:
        """Records written to a topic."""
        return sum(count for place, (count, _) in self.written.items() if place.startswith(f"{topic.name}/"))

    def equals(self, ours: "RunMeasurement", markets: Sequence[Market]) -> bool:
        """Whether this wrote of these instruments what ours wrote of them."""
        names = tuple(f"/{market.instrument}" for market in markets)
        return self.written == {place: found for place, found in ours.written.items() if place.endswith(names)}


def rivals() -> list[Rival]:
    quixstreams, faust = (ROOT / f".venv-rivals-{name}" / "bin" / "python" for name in ("quixstreams", "faust"))
    return [
        Rival("quixstreams", "bench.rivals.on_quixstreams", quixstreams),
        Rival("quixstreams, commits as ours", "bench.rivals.on_quixstreams", quixstreams, ("--commit-interval-s=0.1",)),
        Rival("faust", "bench.rivals.on_faust", faust, instruments_max=1),
    ]


def run_ours(bootstrap: str, markets: Sequence[Market]) -> RunMeasurement:
    wall_s, cpu_s = label(bootstrap, markets)
    return RunMeasurement(
        seconds_of(markets), wall_s, cpu_s, written(bootstrap), {"guarantee": "exactly-once", "commit_interval_s": 0.1}
    )


def run_rival(rival: Rival, bootstrap: str, markets: Sequence[Market]) -> RunMeasurement:
    """A process of its own in its own environment. Raises RuntimeError with its last words where it fails."""
    records = 2 * seconds_of(markets)
    with tempfile.TemporaryDirectory(prefix="tidewheel-rival-") as state:
        command = [str(rival.python), "-m", rival.module, bootstrap, str(records), state, *rival.arguments]
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    if ended.returncode:
        raise RuntimeError(f"{rival.name} ended with {ended.returncode}: {ended.stderr[-LAST_WORDS:]}")
    measured = json.loads(ended.stdout.splitlines()[-1])
    return RunMeasurement(
        seconds_of(markets), measured.pop("wall_s"), measured.pop("cpu_s"), written(bootstrap), measured
    )


def written(bootstrap: str) -> Written:
    """What is committed on the output topics, decoded, by instrument: partitions are each contender's own affair."""
    hashes: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for topic, value in outputs(bootstrap):
        place = f"{topic.name}/{value.instrument}"
        again = encode_transaction(value) if topic is TRANSACTIONS else encode_example(value)
        hashes.setdefault(place, sha256()).update(again)
        counts[place] = counts.get(place, 0) + 1
    return {place: (counts[place], digest.hexdigest()[:16]) for place, digest in sorted(hashes.items())}


def outputs(bootstrap: str) -> Iterator[tuple[Any, Any]]:
    """(topic, decoded record) of both output topics."""
    for topic, decode in ((TRANSACTIONS, decode_transaction), (EXAMPLES, decode_example)):
        for message in read_to_end(bootstrap, topic.name, dict.fromkeys(range(PARTITIONS), 0)):
            yield topic, decode(message.value())


def compare(bootstrap: str, name: str, markets: Sequence[Market], chosen: Sequence[Rival], rounds: int) -> None:
    """All contenders in turn, so many rounds; prints their lines."""
    ours: list[RunMeasurement] = []
    theirs: dict[str, list[RunMeasurement]] = {rival.name: [] for rival in chosen}
    for _ in range(rounds):
        prepare(bootstrap, markets)
        ours.append(run_ours(bootstrap, markets))
        say(name, OURS, ours[-1])
        for rival in chosen:
            given = markets[: rival.instruments_max]
            prepare(bootstrap, given)
            theirs[rival.name].append(run_rival(rival, bootstrap, given))
            say(name, rival.name, theirs[rival.name][-1])
    tell(name, markets, {"contender": OURS, **figures(ours)})
    for rival in chosen:
        given, runs = markets[: rival.instruments_max], theirs[rival.name]
        tell(name, given, {"contender": rival.name, **figures(runs), **beside(runs, ours, given)})


def prepare(bootstrap: str, markets: Sequence[Market]) -> None:
    recreate_topics(bootstrap, PARTITIONS)
    fill(bootstrap, markets, 0)


def say(name: str, contender: str, run: RunMeasurement) -> None:
    """Minutes may pass between two lines of result."""
    print(f"{name} market, {contender}: {run.rate:.0f} market seconds/s", file=sys.stderr, flush=True)


def tell(name: str, markets: Sequence[Market], found: Mapping[str, Any]) -> None:
    inputs = {
        "quotes_per_second": markets[0].quotes_per_second,
        "instruments": len(markets),
        "market_seconds": seconds_of(markets),
    }
    print(json.dumps({"bench": "rivals", "market": name, **inputs, **found, "on": machine()}), flush=True)


def figures(runs: Sequence[RunMeasurement]) -> dict[str, Any]:
    """Medians over the rounds, per second of the contender's own input."""
    one, rate = runs[0], median(run.rate for run in runs)
    transactions, examples = one.records(TRANSACTIONS), one.records(EXAMPLES)
    return {
        **one.about,
        "rounds": len(runs),
        "transactions": transactions,
        "examples": examples,
        "market_seconds_per_s": round(rate),
        "transactions_per_s": round(rate * transactions / one.market_seconds),
        "examples_per_s": round(rate * examples / one.market_seconds),
        "cpu_us_per_market_second": round(median(run.cost for run in runs) * 1e6, 1),
    }


def beside(runs: Sequence[RunMeasurement], ours: Sequence[RunMeasurement], markets: Sequence[Market]) -> dict[str, Any]:
    """A rival beside ours of the same round, since rounds differ with what else the machine does."""
    pairs = list(zip(ours, runs, strict=True))
    return {
        "equal_to_ours": all(run.equals(one, markets) for one, run in pairs),
        "ours_over_theirs": spread(one.rate / run.rate for one, run in pairs),
        "ours_over_theirs_by_cpu": spread(run.cost / one.cost for one, run in pairs),
    }


def seconds_of(markets: Sequence[Market]) -> int:
    return sum(market.seconds for market in markets)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rivals")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4_000, help="market seconds of an instrument; above 600")
    parser.add_argument("--instruments", type=int, default=6, help="of a market")
    given = parser.parse_args()
    chosen = rivals()
    if missing := sorted({str(rival.python.relative_to(ROOT)) for rival in chosen if not rival.python.exists()}):
        print(f"no {', '.join(missing)}: run `make bench-rivals`", file=sys.stderr)
        return 2
    quiet = [EndingMarket(f"sim:Q{number}", 0.4, given.seconds, LIFE_S, number) for number in range(given.instruments)]
    busy = [EndingMarket(f"sim:B{number}", 500, given.seconds, LIFE_S, number) for number in range(given.instruments)]
    with servers(PARTITIONS) as running:
        compare(running.kafka, "quiet", quiet, chosen, given.rounds)
        compare(running.kafka, "busy", busy, chosen, given.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
