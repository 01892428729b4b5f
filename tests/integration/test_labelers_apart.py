"""Two labelers, two instruments, real processes: what befalls one is no matter of the other's."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest

from services.labeler.core import Labeler
from tests.labelers import Inputs, assert_undisturbed, publish, running
from tests.service_under_test import written
from tests.waiting import eventually
from tidewheel.contracts.topics import TRANSACTIONS
from tidewheel.local.processes import subprocesses

pytestmark = pytest.mark.broker

BOTH = [Inputs.of("sim:BTC-USD", 0, seed=3), Inputs.of("sim:ETH-USD", 1, seed=4)]
# As `python -m services.labeler`, but a killed one is started again within its session however slow the machine is.
PATIENT = """
from tidewheel.runtime import static_member
static_member.SESSION_LIMIT_MS = 40_000
from services.labeler.__main__ import main
raise SystemExit(main())
"""


class Pair:
    """Labeler 0 and labeler 1, each a process that can be killed and started again under its name."""

    def __init__(self, broker: str, folder: Path) -> None:
        self._broker = broker
        self.logs = [folder / f"labeler-{number}.log" for number in range(2)]
        self._processes: dict[int, Popen[bytes]] = {}

    def start(self, number: int) -> None:
        own = {"KAFKA": self._broker, "INSTANCE": str(number), "METRICS_PORT": "0"}
        environment = {**os.environ, **{f"TIDEWHEEL_{name}": value for name, value in own.items()}}
        self._processes[number] = subprocesses.start([sys.executable, "-c", PATIENT], self.logs[number], environment)

    def kill(self, number: int) -> None:
        subprocesses.kill_group(self._processes[number])
        self._processes.pop(number).wait()

    def kill_all(self) -> None:
        for number in tuple(self._processes):
            self.kill(number)

    def assignments(self, number: int) -> list[str]:
        """The partitions a labeler was given, each time it was."""
        return re.findall(r"assigned partitions \[(.*)\]", self.logs[number].read_text())


@contextmanager
def pair(broker: str, folder: Path) -> Iterator[Pair]:
    made = Pair(broker, folder)
    try:
        yield made
    finally:
        made.kill_all()
        # Their names go to members whose sessions are short, so that the next test need not wait for the long ones.
        with running(broker) as start:
            for number in range(2):
                labeler = start(instance=str(number))
                labeler.step_until(lambda labeler=labeler: labeler.loop.assigned)


def labels_by(one: Inputs, stop: int | None) -> int:
    """How many transactions the first seconds of an instrument come to."""
    labeler = Labeler(one.instrument)
    pairs = zip(one.seconds[:stop], one.orders[:stop], strict=True)
    return sum(len([*labeler.on_orders(orders), *labeler.on_second(second)]) for second, orders in pairs)


def test_killing_either_leaves_the_others_instrument_undelayed(broker: str, tmp_path: Path) -> None:
    def await_labels(one: Inputs, stop: int | None) -> None:
        wanted = labels_by(one, stop)
        what = f"{wanted} labels of {one.instrument}"
        eventually(lambda: len(written(broker, TRANSACTIONS.name, one.partition)) == wanted, what)

    with pair(broker, tmp_path) as labelers:
        for number in range(2):
            labelers.start(number)
            eventually(lambda number=number: labelers.assignments(number) != [], f"labeler {number} has joined")
        eventually(lambda: [labelers.assignments(n)[-1] for n in range(2)] == ["0", "1"], "each has a partition")
        publish(broker, BOTH, stop=400)
        for one in BOTH:
            await_labels(one, 400)
        for victim, other, start, stop in ((0, 1, 400, 550), (1, 0, 550, None)):
            before = labelers.assignments(other)
            labelers.kill(victim)
            publish(broker, BOTH, start=start, stop=stop)
            await_labels(BOTH[other], stop)
            assert len(written(broker, TRANSACTIONS.name, victim)) < labels_by(BOTH[victim], stop)
            labelers.start(victim)
            await_labels(BOTH[victim], stop)
            assert labelers.assignments(other) == before, "it was never asked to stop for the other's sake"
    assert_undisturbed(broker, BOTH)
