"""`python -m tests.late_requests`: the labeler's real loop behind a proxy that keeps, doubles, delays and cuts.

Some labelers work on made markets, instrument after instrument, while a schedule drawn from a seed tampers with what
their producers ask of the coordinators, until that has happened so many times. Then what is committed must be what
undisturbed labelers write, record for record, and none may have given up. Exit code 1 where anything differs.
"""

import argparse
import faulthandler
import logging
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from confluent_kafka import Consumer
from prometheus_client.samples import Sample

from services.labeler.app import build_loop
from services.labeler.settings import Settings
from tests.labelers import Inputs, publish, written
from tests.proxy.broker import ProxiedKafka, proxied_kafka
from tests.proxy.random_schedule import random_schedule
from tests.proxy.schedule import Schedule
from tidewheel.contracts.codecs.orders import decode_example, decode_transaction
from tidewheel.contracts.topics import EXAMPLES, TRANSACTIONS
from tidewheel.runtime import topic_admin
from tidewheel.runtime.health import Health
from tidewheel.runtime.kafka import consumer_config
from tidewheel.runtime.process import Context
from tidewheel.telemetry.metrics import REGISTRY

LABELERS = 4
# So few records in a transaction that there are many of them.
BATCH_RECORDS = 15
COMMIT_INTERVAL_MS = 1
RATE = 0.15
HELD_FRAMES_MAX = 2 * LABELERS
# Nothing that is tampered with keeps all labelers from committing for so long.
STALL_LIMIT_S = 120.0
RENEWALS = "tidewheel_kafka_producer_renewals_total"
COMMITS = "tidewheel_commit_duration_seconds_count"
LOG = logging.getLogger("labeler")


@dataclass
class Verdict:
    """What came of a run. `faults`: what must not be."""

    tampered: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    renewals: Counter[str] = field(default_factory=Counter)
    instruments: int = 0
    transactions: int = 0
    examples: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{number:6} × {api} {direction} {action}" for (api, direction, action), number in self._sorted()]
        lines += [f"{number:6} × a new producer: {reason}" for reason, number in sorted(self.renewals.items())]
        lines += [
            f"{self.tampered.total()} requests and replies tampered with in {self.seconds:.0f} s; {self.instruments} "
            f"instruments, {self.transactions:,} transactions and {self.examples:,} examples",
            *self.faults,
            f"{len(self.faults)} differences",
        ]
        return "\n".join(lines)

    def _sorted(self) -> list[tuple[tuple[str, str, str], int]]:
        return sorted(self.tampered.items())


class Labelers:
    """Real loops, each in a thread of its own, all through the proxy."""

    def __init__(self, bootstrap: str, count: int) -> None:
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(bootstrap, n), name=f"labeler {n}", daemon=True)
            for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, bootstrap: str, number: int) -> None:
        settings = Settings(kafka=bootstrap, instance=str(number), commit_interval_ms=COMMIT_INTERVAL_MS)
        context = Context(LOG, Health("labeler"), self._stop)
        loop, _ = build_loop(settings, context, batch_records_max=BATCH_RECORDS)
        try:
            loop.run(self._stop)
        except Exception as failure:
            LOG.exception("gave up")
            self.failures.append(f"labeler {number} gave up: {failure!r}")

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(STALL_LIMIT_S)


class Reader:
    """Counts committed transactions of a run's instruments as they come, by the broker's own address."""

    def __init__(self, bootstrap: str, names: str) -> None:
        self._names = names.encode()
        self._consumer = Consumer(consumer_config(bootstrap, "test", "late-requests-reader"))
        self._consumer.subscribe([TRANSACTIONS.name])
        self.seen = 0

    def wait_for(self, wanted: int, goes_on: Callable[[], bool]) -> bool:
        """False where nothing has been committed for too long, or the labelers do not go on.

        A transaction need not label anything: of two topics read in turn one may be read to its end first, in batches
        of a few records.
        """
        since_s, committed = time.monotonic(), commits()
        while self.seen < wanted:
            got = self._consumer.consume(1000, 0.2)
            self.seen += sum((message.key() or b"").startswith(self._names) for message in got)
            if (now := commits()) != committed:
                since_s, committed = time.monotonic(), now
            if not goes_on() or time.monotonic() - since_s > STALL_LIMIT_S:
                return False
        return True

    def close(self) -> None:
        self._consumer.close()


def tamper(
    kafka: ProxiedKafka,
    seed: int,
    wanted: int,
    *,
    schedule: Schedule | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> Verdict:
    """Until so many requests and replies were tampered with, and what they belonged to is labelled.

    `schedule`: another than the one drawn by the seed.
    """
    began_s, renewed, done = time.monotonic(), renewals(), kafka.proxy.events.counts()
    topic_admin.create(kafka.direct, LABELERS)
    kafka.proxy.use(
        schedule or random_schedule(seed, rate=RATE, client="tidewheel-labeler", held_frames_max=HELD_FRAMES_MAX)
    )
    labelers, reader = Labelers(kafka.bootstrap, LABELERS), Reader(kafka.direct, names(seed))
    markets, inputs, well = Markets(seed), list[Inputs](), True

    def tampered() -> Counter[tuple[str, str, str]]:
        return kafka.proxy.events.counts() - done

    def goes_on() -> bool:
        if tampered().total() >= wanted:
            kafka.proxy.use(Schedule())
        return not labelers.failures

    while well and tampered().total() < wanted:
        more = [next(markets) for _ in range(LABELERS)]
        publish(kafka.direct, more)
        inputs += more
        well = reader.wait_for(sum(len(one.transactions) for one in inputs), goes_on)
        say(f"{tampered().total()} of {wanted}, {len(inputs)} instruments")
    if not well:
        faulthandler.dump_traceback()  # where each labeler stands
    kafka.proxy.use(Schedule())
    kafka.proxy.release()
    labelers.end()
    reader.close()
    verdict = Verdict(tampered(), renewals() - renewed)
    verdict.faults = [
        *labelers.failures,
        *kafka.proxy.failures,
        *([] if well else ["nothing was committed any more, see the stacks above"]),
    ]
    compare(kafka.direct, inputs, verdict)
    verdict.seconds = time.monotonic() - began_s
    return verdict


def names(seed: int) -> str:
    """What the names of a run's instruments begin with."""
    return f"sim:LATE-{seed}-"


class Markets:
    """Instruments one after the other, a partition after the other; those that come to nothing are left out."""

    def __init__(self, seed: int) -> None:
        self._names = names(seed)
        self._seeds, self._numbers = count(seed * 100_000), count()

    def __next__(self) -> Inputs:
        number = next(self._numbers)
        while True:
            one = Inputs.of(f"{self._names}{number}", number % LABELERS, next(self._seeds))
            if one.examples:
                return one


def compare(bootstrap: str, inputs: list[Inputs], verdict: Verdict) -> None:
    """What is committed with what undisturbed labelers write: of each instrument the same records in the same order."""
    verdict.instruments = len(inputs)
    decode = {TRANSACTIONS.name: decode_transaction, EXAMPLES.name: decode_example}
    for topic, decoded in decode.items():
        found: dict[str, list[bytes]] = defaultdict(list)
        for partition in range(LABELERS):
            for value in written(bootstrap, topic, partition):
                found[decoded(value).instrument].append(value)
        for one in inputs:
            wanted = one.transactions if topic == TRANSACTIONS.name else one.examples
            if found[one.instrument] != wanted:
                twice = len(found[one.instrument]) - len(set(found[one.instrument]))
                verdict.faults.append(
                    f"{topic} of {one.instrument}: {len(found[one.instrument])} records in place of {len(wanted)}"
                    + (f", {twice} of them twice" if twice else "")
                )
        verdict.transactions += sum(map(len, found.values())) if topic == TRANSACTIONS.name else 0
        verdict.examples += sum(map(len, found.values())) if topic == EXAMPLES.name else 0


def renewals() -> Counter[str]:
    """New producers so far, by reason."""
    return Counter({sample.labels["reason"]: int(sample.value) for sample in samples_of(RENEWALS)})


def commits() -> float:
    """Transactions committed so far."""
    return sum(sample.value for sample in samples_of(COMMITS))


def samples_of(name: str) -> list[Sample]:
    return [sample for metric in REGISTRY.collect() for sample in metric.samples if sample.name == name]


def say(words: str) -> None:
    print(words, flush=True)


def main() -> int:
    logging.basicConfig(format="%(asctime)s %(threadName)s %(message)s")
    parser = argparse.ArgumentParser(prog="python -m tests.late_requests")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidewheel-late-") as folder, proxied_kafka(Path(folder)) as kafka:
        verdict = tamper(kafka, given.seed, given.requests, say=say)
    say(str(verdict))
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
