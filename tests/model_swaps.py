"""Models published and rolled back while callers ask without a pause: each call is answered, each answer is wholly of
the model that it names, and no caller sees versions go back but by a rollback.

`python -m tests.model_swaps --swaps 200 --minutes 5` is the long form, part of `make soak`; a test swaps some dozens.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import grpc

from tests.predictors import Client, redis_with_model, serving
from tests.synthetic_models import INSTRUMENT, make_model, make_row, published
from tests.waiting import LIMIT_S, eventually
from tidewheel.domain.models import Scorer
from tidewheel.registry.store import Publication, Registry
from tidewheel.wire.v1 import predictor_pb2 as wire

CALLERS = 4
ROLLBACK_SHARE = 0.25
# How far a rollback goes at the most; the registry keeps more.
BACK_MAX = 10
ROW = make_row(5)
REQUEST = wire.PredictRequest(instrument=INSTRUMENT, features_f32=ROW.tobytes())


@dataclass
class Caller:
    """What one caller got. `scores`: by window, of its model's own. `version`: epoch and window answered last."""

    scores: Mapping[int, float]
    version: tuple[int, int] = (0, 0)
    answered: int = 0
    faults: list[str] = field(default_factory=list)

    def take(self, epoch: int, seq: int, score: float) -> None:
        """An epoch is raised by each rollback, so that epoch and window never go back together."""
        self.answered += 1
        if (epoch, seq) < self.version:
            self.faults.append(f"after version {self.version} came {(epoch, seq)}")
        if score != self.scores.get(seq):
            self.faults.append(f"{score!r} is not the score of window {seq}, {self.scores.get(seq)!r}")
        self.version = epoch, seq

    def ask(self, client: Client, over: threading.Event) -> None:
        """Without a pause, until it is over or something is wrong."""
        while not over.is_set() and not self.faults:
            try:
                reply = client.stub.Predict(REQUEST, timeout=LIMIT_S)
            except grpc.RpcError as failure:
                self.faults.append(f"{failure.code().name}: {failure.details()}")
            else:
                self.take(reply.model.epoch, reply.model.seq, reply.score)


@dataclass
class Swaps:
    """What came of it. `longest_s`: from the change of the pointer until a caller was answered by it."""

    published: int = 0
    rolled_back: int = 0
    answered: int = 0
    longest_s: float = 0.0
    faults: list[str] = field(default_factory=list)


def swap_under_load(client: Client, registry: Registry, swaps: int, chance: Random, every_s: float = 0.0) -> Swaps:
    """Swap from window 1, which serves, a rollback among four or so, at least `every_s` from one to the next."""
    scores = {1: score_of(1)}
    callers = [Caller(scores) for _ in range(CALLERS)]
    over, made = threading.Event(), Swaps()
    threads = [threading.Thread(target=one.ask, args=(client, over)) for one in callers]
    for thread in threads:
        thread.start()
    try:
        epoch = seq = newest = 1
        for _ in range(swaps):
            if seq > 1 and chance.random() < ROLLBACK_SHARE:
                seq = chance.randint(max(1, seq - BACK_MAX), seq - 1)
                epoch = registry.rollback(INSTRUMENT, seq).epoch
                made.rolled_back += 1
            else:
                seq = newest = newest + 1
                scores[seq] = score_of(seq)
                # ALREADY_PUBLISHED is told where the client asked again, its first answer being late.
                assert registry.publish(*published(seq)) is not Publication.STALE
                made.published += 1
            moved_s = time.monotonic()
            eventually(
                lambda wanted=(epoch, seq): any(one.version == wanted or one.faults for one in callers),
                f"window {seq} of epoch {epoch} is served",
            )
            made.longest_s = max(made.longest_s, time.monotonic() - moved_s)
            if any(one.faults for one in callers):
                break
            over.wait(max(0.0, every_s - (time.monotonic() - moved_s)))
    finally:
        over.set()
        for thread in threads:
            thread.join(LIMIT_S)
    made.answered = sum(one.answered for one in callers)
    made.faults = [fault for one in callers for fault in one.faults]
    return made


def score_of(seq: int) -> float:
    return Scorer.of(make_model(seq)).score(ROW)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model_swaps")
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    every_s = asked.minutes * 60 / asked.swaps
    with (
        tempfile.TemporaryDirectory() as folder,
        redis_with_model(Path(folder)) as (url, registry),
        serving(url, Path(folder)) as (started, _, _, client),
    ):
        made = swap_under_load(client, registry, asked.swaps, Random(asked.seed), every_s)
        ended = started.poll()
    faults = made.faults + ["the predictor ended"] * (ended is not None)
    print(
        f"{made.published + made.rolled_back} swaps, {made.rolled_back} of them rollbacks, served within "
        f"{made.longest_s * 1e3:.0f} ms; {made.answered:,} calls answered, seed {asked.seed}"
    )
    print("\n".join(faults) or "no call failed, each score is its model's own, no version went back")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
