"""One disturbed replay from its start to its verdict."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests import oracle
from tests.system.chaos import judge, log
from tests.system.chaos.labelers import Labelers
from tests.system.chaos.neighbour import SYMBOL, Neighbour
from tests.system.chaos.performer import Performer
from tests.system.chaos.plan import NEIGHBOUR, Disturbance, Kind, while_there
from tests.system.conftest import WINDOW, Replayed, replay
from tidewheel.local.children.processes import free_port
from tidewheel.local.servers.kafka import start_kafka

# What the disturbances may add to the time that the stream lasts by itself.
MORE_LIMIT_S = 180.0
# Between the last disturbance and the end of the file.
CALM_S = 5.0
# A neighbour is done before the run, which ends by its own instrument.
NEIGHBOUR_SHARE = 0.8


@dataclass(frozen=True)
class Verdict:
    """What was done to a run, and everything wrong with it."""

    faults: list[str]
    done: Counter[Kind]
    restarts: dict[str, int]
    neighbour_starts: int


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
) -> Verdict:
    """Replay a file again so that it lasts for `seconds`, do what the plan says meanwhile, and judge.

    `beside`: the undisturbed run of another instrument, which is published beside it on the same topics.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labelers = Labelers(folder / "labelers")
    neighbour = neighbour_of(beside, NEIGHBOUR_SHARE * seconds, folder) if beside else None
    plan = while_there(plan, NEIGHBOUR, NEIGHBOUR_SHARE * seconds - CALM_S if neighbour else 0.0)
    performer = Performer(plan, folder / "data", labelers, say, neighbour=neighbour, stream_s=seconds)
    restarts: dict[str, int] = {}
    try:
        replayed = replay(
            undisturbed.file,
            folder,
            speed=speed_of(undisturbed, seconds),
            limit_s=seconds + MORE_LIMIT_S,
            meanwhile=performer,
        )
        if replayed.ended.code == 0:
            restarts = dict(replayed.summary["restarts"])
        found = faults_of(replayed, [undisturbed, beside] if beside else [undisturbed])
    except TimeoutError as failure:
        found = [str(failure)]
    finally:
        labelers.close()
        if neighbour is not None:
            neighbour.close()
    faults = [*performer.faults, *performer.unfinished(), *labelers.faults(), *found]
    return Verdict(faults, performer.done, restarts, neighbour.starts if neighbour else 0)


def speed_of(replayed: Replayed, seconds: float) -> str:
    """How fast its file must be replayed to last for `seconds`."""
    return f"{max(1.0, span_s(replayed) / seconds):.6g}"


def neighbour_of(beside: Replayed, seconds: float, folder: Path) -> Neighbour:
    assert beside.instrument == f"replay:{SYMBOL}"
    return Neighbour(beside.file, speed_of(beside, seconds), folder / "neighbour.log")


def faults_of(replayed: Replayed, undisturbed: Sequence[Replayed]) -> list[str]:
    """Everything wrong with what a disturbed run has left, measured by an undisturbed one of each instrument."""
    if replayed.ended.code != 0:
        return [f"exit code {replayed.ended.code}: {replayed.ended.errors.strip() or replayed.ended.output.strip()}"]
    folders = {one.instrument: one.folder for one in undisturbed}
    results = {one.instrument: one.result for one in undisturbed}
    return [
        *(f"left behind: {process}" for process in replayed.ended.left),
        *judge.differences(replayed.folder, folders, results, WINDOW),
        *topic_faults(replayed.folder / "data" / "kafka", results),
    ]


def topic_faults(directory: Path, results: Mapping[str, oracle.Result]) -> list[str]:
    """What a broker on the data of a run that is over says: what stands on the topics, and is anything left open?"""
    server = start_kafka(directory, free_port(), free_port())
    try:
        found = judge.open_transactions(server.bootstrap)
        return found or [
            *log.differences(partial(log.committed, server.bootstrap), results),
            *log.verify_log_faults(server.bootstrap),
        ]
    finally:
        server.stop()
