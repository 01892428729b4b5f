"""One disturbed replay from its start to its verdict."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.system.chaos import judge
from tests.system.chaos.labelers import Labelers
from tests.system.chaos.performer import Performer
from tests.system.chaos.plan import Disturbance, Kind
from tests.system.conftest import INSTRUMENT, WINDOW, Replayed, replay
from tidewheel.local.children.processes import free_port
from tidewheel.local.servers.kafka import start_kafka

# What the disturbances may add to the time that the stream lasts by itself.
MORE_LIMIT_S = 180.0
# Between the last disturbance and the end of the file.
CALM_S = 5.0


@dataclass(frozen=True)
class Verdict:
    """What was done to a run, and everything wrong with it."""

    faults: list[str]
    done: Counter[Kind]
    restarts: dict[str, int]


def span_s(replayed: Replayed) -> int:
    """Market seconds from the first to the last."""
    bars = replayed.result.bars
    return bars[-1].second - bars[0].second


def disturb(
    plan: Sequence[Disturbance],
    file: Path,
    folder: Path,
    undisturbed: Replayed,
    seconds: float,
    say: Callable[[str], None],
) -> Verdict:
    """Replay the file so that it lasts for `seconds`, do what the plan says meanwhile, and judge."""
    speed = max(1.0, span_s(undisturbed) / seconds)
    labelers = Labelers(folder / "labelers")
    performer = Performer(plan, folder / "data", labelers, say, stream_s=seconds)
    try:
        replayed = replay(file, folder, speed=f"{speed:.6g}", limit_s=seconds + MORE_LIMIT_S, meanwhile=performer)
        faults = [*performer.faults, *performer.unfinished(), *labelers.faults(), *faults_of(replayed, undisturbed)]
        return Verdict(faults, performer.done, dict(replayed.summary["restarts"]) if replayed.ended.code == 0 else {})
    except TimeoutError as failure:
        return Verdict(
            [*performer.faults, *performer.unfinished(), *labelers.faults(), str(failure)], performer.done, {}
        )
    finally:
        labelers.close()


def faults_of(replayed: Replayed, undisturbed: Replayed) -> list[str]:
    """Everything wrong with what a disturbed run has left."""
    if replayed.ended.code != 0:
        return [f"exit code {replayed.ended.code}: {replayed.ended.errors.strip() or replayed.ended.output.strip()}"]
    return [
        *(f"left behind: {process}" for process in replayed.ended.left),
        *judge.differences(replayed.folder, undisturbed.folder, INSTRUMENT, replayed.result, WINDOW),
        *open_transactions(replayed.folder / "data" / "kafka"),
    ]


def open_transactions(directory: Path) -> list[str]:
    """What a broker on the data of a run that is over says."""
    server = start_kafka(directory, free_port(), free_port())
    try:
        return judge.open_transactions(server.bootstrap)
    finally:
        server.stop()
