"""One disturbed replay from its start to its verdict."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests import oracle
from tests.servers import server_port
from tests.system.chaos import judge, log
from tests.system.chaos.labelers import Labelers
from tests.system.chaos.neighbour import SYMBOL, Neighbour
from tests.system.chaos.performer import DisturbanceRunner
from tests.system.chaos.plan import NEIGHBOUR, Disturbance, Kind, while_there
from tests.system.chaos.tampered import Account, TamperedKafka, tampered_kafka
from tests.system.conftest import WINDOW, Replayed, replay
from tidewheel.local.servers.kafka import start_kafka

# What the disturbances may add to the time that the stream lasts by itself: while ingest is started again it stands
# still, and on a busy machine that takes a minute each time.
MORE_LIMIT_S = 600.0
MORE_SHARE = 1.0
# Between the last disturbance and the end of the file.
CALM_S = 5.0
# A neighbour is done before the run, which ends by its own instrument.
NEIGHBOUR_SHARE = 0.8


@dataclass(frozen=True)
class Verdict:
    """What was done to a run, and everything wrong with it. `excused`: services that ended for want of a broker."""

    faults: list[str]
    done: Counter[Kind]
    restarts: dict[str, int]
    neighbour_starts: int
    excused: list[str]
    account: Account | None


def span_s(replayed: Replayed) -> int:
    """Market seconds from the first to the last."""
    bars = replayed.result.bars
    return bars[-1].second - bars[0].second


def disturb(
    plan: Sequence[Disturbance],
    folder: Path,
    undisturbed: Replayed,
    seconds: float,
    say: Callable[[str], None],
    beside: Replayed | None = None,
    tampering: int | None = None,
) -> Verdict:
    """Replay a file again so that it lasts for `seconds`, do what the plan says meanwhile, and judge.

    `beside`: the undisturbed run of another instrument, which is published beside it on the same topics. `tampering`:
    the seed by which requests and replies are tampered with; None: the run has a broker of its own, nothing before it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if tampering is None:
        return _disturb(plan, folder, undisturbed, seconds, say, beside, None)
    with tampered_kafka(folder / "kafka", tampering) as kafka:
        return _disturb(plan, folder, undisturbed, seconds, say, beside, kafka)


def _disturb(
    plan: Sequence[Disturbance],
    folder: Path,
    undisturbed: Replayed,
    seconds: float,
    say: Callable[[str], None],
    beside: Replayed | None,
    kafka: TamperedKafka | None,
) -> Verdict:
    labelers = Labelers(folder / "labelers")
    neighbour = neighbour_of(beside, NEIGHBOUR_SHARE * seconds, folder) if beside else None
    plan = while_there(plan, NEIGHBOUR, NEIGHBOUR_SHARE * seconds - CALM_S if neighbour else 0.0)
    data = folder / "data"
    performer = DisturbanceRunner(plan, data, labelers, say, neighbour=neighbour, broker=kafka, stream_s=seconds)
    restarts: dict[str, int] = {}
    try:
        replayed = replay(
            undisturbed.file,
            folder,
            *(("--kafka", kafka.bootstrap) if kafka else ()),
            speed=speed_of(undisturbed, seconds),
            limit_s=(1.0 + MORE_SHARE) * seconds + MORE_LIMIT_S,
            meanwhile=performer,
        )
        if replayed.ended.code == 0:
            restarts = dict(replayed.summary["restarts"])
        found = faults_of(replayed, [undisturbed, beside] if beside else [undisturbed], kafka)
    except TimeoutError as failure:
        found = [str(failure)]
    finally:
        labelers.close()
        if neighbour is not None:
            neighbour.close()
        if kafka is not None:
            kafka.write(folder / "tampered.txt")
    ends, tampered = performer.ends, kafka.faults() if kafka else []
    faults = [*performer.faults, *performer.unfinished(), *labelers.faults(), *ends.faults, *tampered, *found]
    account = kafka.account() if kafka else None
    return Verdict(faults, performer.done, restarts, neighbour.starts if neighbour else 0, ends.excused, account)


def speed_of(replayed: Replayed, seconds: float) -> str:
    """How fast its file must be replayed to last for `seconds`."""
    return f"{max(1.0, span_s(replayed) / seconds):.6g}"


def neighbour_of(beside: Replayed, seconds: float, folder: Path) -> Neighbour:
    assert beside.instrument == f"replay:{SYMBOL}"
    return Neighbour(beside.file, speed_of(beside, seconds), folder / "neighbour.log")


def faults_of(replayed: Replayed, undisturbed: Sequence[Replayed], kafka: TamperedKafka | None) -> list[str]:
    """Everything wrong with what a disturbed run has left, measured by an undisturbed one of each instrument.

    `kafka`: its broker, where it was given one that still runs.
    """
    if replayed.ended.code != 0:
        return [f"exit code {replayed.ended.code}: {replayed.ended.errors.strip() or replayed.ended.output.strip()}"]
    folders = {one.instrument: one.folder for one in undisturbed}
    results = {one.instrument: one.result for one in undisturbed}
    left = [f"left behind: {process}" for process in replayed.ended.left]
    differences = judge.differences(replayed.folder, folders, results, WINDOW)
    if kafka is not None:
        return [*left, *differences, *topic_faults(kafka.direct, results)]
    with left_broker(replayed.folder / "data" / "kafka") as bootstrap:
        return [*left, *differences, *topic_faults(bootstrap, results)]


@contextmanager
def left_broker(directory: Path) -> Iterator[str]:
    """The address of a broker on the data of a run that is over."""
    server = start_kafka(directory, server_port(), server_port())
    try:
        yield server.bootstrap
    finally:
        server.stop()


def topic_faults(bootstrap: str, results: Mapping[str, oracle.Result]) -> list[str]:
    """What stands on the topics, and is anything left open?"""
    found = judge.open_transactions(bootstrap)
    return found or [
        *log.differences(partial(log.committed, bootstrap), results),
        *log.verify_log_faults(bootstrap),
    ]
