"""Found by seed 3506: a run was taken for over while a thread that worked was passed over by chance, a dozen times."""

from random import Random
from typing import Any

from tests.simulation.simulator import SimProcess, Simulator


class FirstChoice(Random):
    """Chooses the first, always."""

    def choice(self, seq: Any) -> Any:
        return seq[0]


def test_a_run_is_over_only_when_no_thread_has_work() -> None:
    done = []

    def start(process: SimProcess) -> None:
        def idle() -> None:
            while not done:
                simulator.on_idle(process, 0.1)

        def work() -> None:
            process.before("work")  # here it would hear that all is over
            done.append(1)

        process.run(idle)
        process.run(work)

    simulator = Simulator(1, [], {"trainer": start}, lambda: len(done), verbose=False)
    simulator.chance = FirstChoice(1)
    simulator.start("trainer")
    simulator.run()
    assert done
