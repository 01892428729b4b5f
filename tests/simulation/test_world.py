"""Found by seed 3506: a run was taken for over while a thread that worked was passed over by chance, a dozen times."""

from random import Random
from typing import Any

from tests.simulation.world import Actor, World


class Unfair(Random):
    """Chooses the first, always."""

    def choice(self, seq: Any) -> Any:
        return seq[0]


def test_a_run_is_over_only_when_no_thread_has_work() -> None:
    done = []

    def start(actor: Actor) -> None:
        def idle() -> None:
            while not done:
                world.rest(actor, 0.1)

        def work() -> None:
            actor.before("work")  # here it would hear that all is over
            done.append(1)

        actor.run(idle)
        actor.run(work)

    world = World(1, [], {"trainer": start}, lambda: len(done), verbose=False)
    world.chance = Unfair(1)
    world.start("trainer")
    world.run()
    assert done
