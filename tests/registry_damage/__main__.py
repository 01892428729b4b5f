"""`python -m tests.registry_damage [--minutes 5] [--seed 1]`: round after round of damage under load, part of the soak.

A round sets up instruments of its own, damages each in a way drawn from the seed, pauses, kills or empties Redis now
and then, and holds what must hold: each call is answered, by a model whose score is its own; each kind is counted by
its reason; the trainer's ledger and the command line go on; repair leaves nothing damaged; memory stays flat. Exit code
1 with the first difference. A line a round, and one of JSON at the end.
"""

import argparse
import json
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import grpc
import psutil
import redis

from tests.predictors import Client, RunningPredictor, metric_value, running
from tests.registry_damage.table import SERVED, kinds, set_up
from tests.registry_damage.trial import NEW, NEWER, ROW, Trial, told
from tests.servers import server_port
from tests.synthetic_models import make_model
from tests.waiting import eventually
from tidewheel.domain.models import Scorer
from tidewheel.local.servers.redis import LocalRedis, start_redis
from tidewheel.registry.store import Registry

KINDS_EACH = 25
CALLERS = 2
STEADY = "sim:STEADY"
RESIDENT_GROWTH_MAX_BYTES = 64 << 20


@dataclass
class Calls:
    """What callers of an instrument that nobody damages got."""

    answered: int = 0
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.registry_damage")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="tidewheel-damage-") as folder:
        facts = soak(Path(folder), arguments.minutes * 60, Random(arguments.seed))
    print(json.dumps({"seed": arguments.seed, **facts}), flush=True)
    return 0


def soak(folder: Path, limit_s: float, chance: Random) -> dict[str, object]:
    """Rounds until the time is over, one at least. Raises AssertionError at the first difference."""
    server, end_s, tried = start_redis(folder, server_port()), time.monotonic() + limit_s, Counter[str]()
    outages = Counter[str]()
    try:
        registry = Registry.connect(server.url)
        set_up(registry, STEADY)
        registry.close()
        with running(server.url, model_dir=str(folder / "copies")) as made, load(made.client) as calls:
            resident: list[int] = []
            while not resident or time.monotonic() < end_s:
                server = one_round(server, folder, made, chance, len(resident), tried, outages)
                assert calls.wrong == [], calls.wrong[:3]
                resident.append(psutil.Process().memory_info().rss)
            assert resident[-1] - min(resident[:2]) < RESIDENT_GROWTH_MAX_BYTES, resident
            answered = calls.answered
        return {
            "rounds": len(resident),
            "kinds": len(tried),
            "damages": tried.total(),
            "outages": dict(outages),
            "calls": answered,
            "resident_mib": [resident[0] >> 20, resident[-1] >> 20],
        }
    finally:
        server.stop()


def one_round(
    server: LocalRedis,
    folder: Path,
    made: RunningPredictor,
    chance: Random,
    number: int,
    tried: Counter[str],
    outages: Counter[str],
) -> LocalRedis:
    """Damage, outage, publication, repair. Returns the Redis that runs thereafter."""
    chosen = chance.sample(kinds(), KINDS_EACH)
    trial = Trial(server.url, chosen, run=number)
    try:
        trial.await_served(made.client, SERVED)
        trial.damage()
        tried.update(kind.label for kind in chosen)
        trial.await_counted()
        trial.assert_last_good_answers(made.client)
        outage = chance.choice(("none", "paused", "killed", "emptied"))
        outages[outage] += 1
        print(f"round {number}: {len(chosen)} kinds, Redis {outage}", file=sys.stderr, flush=True)
        server = disturbed(outage, server, folder)
        trial.assert_last_good_answers(made.client)
        trial.train(NEW)
        trial.await_served(made.client, NEW)
        assert told("models", "list", "--redis", server.url)[0] == 0
        assert told("models", "check", "--repair", "--redis", server.url)[0] == 0
        trial.train(NEWER)
        trial.await_served(made.client, NEWER)
        trial.assert_last_good_answers(made.client, NEWER)
    finally:
        trial.close()
    return server


def disturbed(outage: str, server: LocalRedis, folder: Path) -> LocalRedis:
    """Redis after an outage of a kind, answering again, as the predictor has seen."""
    if outage == "emptied":
        with redis.Redis.from_url(server.url) as raw:
            raw.flushall()
        return server
    if outage == "none":
        return server
    if outage == "paused":
        os.kill(server.process.pid, signal.SIGSTOP)
    else:
        server.process.kill()
        server.process.wait()
    eventually(lambda: up() == 0, "the outage is seen")
    if outage == "paused":
        os.kill(server.process.pid, signal.SIGCONT)
    else:
        server = start_redis(folder, server.port)
    eventually(lambda: up() == 1, "Redis is seen again")
    return server


def up() -> float:
    return metric_value("tidewheel_registry_up", service="predictor")


@contextmanager
def load(client: Client) -> Iterator[Calls]:
    """Calls without a pause, from several threads, of an instrument that nobody damages."""
    calls, done = Calls(), threading.Event()
    eventually(lambda: served(client), "the steady instrument is served")
    scorer = Scorer.of(make_model(SERVED, STEADY)).score(ROW)

    def call() -> None:
        while not done.is_set():
            try:
                reply = client.predict(ROW, STEADY)
            except grpc.RpcError as failure:
                calls.wrong.append(f"{failure.code()}: {failure.details()}")
                return
            if (reply.model.seq, reply.score) != (SERVED, scorer):
                calls.wrong.append(f"model {reply.model.seq} scores {reply.score}")
            calls.answered += 1

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        yield calls
    finally:
        done.set()
        for thread in threads:
            thread.join()


def served(client: Client) -> bool:
    try:
        return bool(client.predict(ROW, STEADY).model.seq == SERVED)
    except grpc.RpcError:
        return False


if __name__ == "__main__":
    sys.exit(main())
