"""One run: a seed, its faults, and the judgement."""

import gc
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from unittest.mock import patch

from services.labeler import partition
from services.trainer.promotion import proof
from services.trainer.promotion.gate import Promotion
from tests.simulation import checkers, committed, fake_learner, fault_plan, inputs
from tests.simulation.broker import Broker
from tests.simulation.fault_plan import Fault
from tests.simulation.injector import NoFaults
from tests.simulation.redis_memory import SimRedis, Store
from tests.simulation.services import System
from tests.simulation.simulator import SimulationError, Simulator
from tidewheel.contracts.topics import LABELER_STATE, TOPICS
from tidewheel.registry.store import Registry, VerificationError
from tidewheel.telemetry.tracing.tracer import Record

# So that a run of some hundred records has several.
SNAPSHOT_RECORDS = (40, 150, 2000)
POISON_KEYS = (None, b"", b"stranger")
POISON_VALUES = (b"no message", b"\xff\xff\xff", b"", None)

# How long a transaction may be open that a late request has begun.
OPEN_STEPS_MAX = 1500
# How often, and after how many steps each, a fault looks again whether there is something to do.
LOOKS_MAX, LOOK_STEPS = 30, 500


@dataclass
class RunOutcome:
    """How a run ended. `failure` is empty where all is well."""

    seed: int
    failure: str
    faults: list[Fault]
    injected: list[Fault]
    steps: int
    covered: set[tuple[str, str, str]]  # kind of service, effect, side
    trace: list[str] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """The failure in one line: the checker's name and words, or what ended a process."""
        return self.failure.rpartition("\n")[2]


def faults_of(seed: int) -> list[Fault]:
    """The faults that belong to a seed."""
    return fault_plan.draw(Random(f"faults {seed}"))


def run(
    seed: int, faults: Iterable[Fault] | None = None, *, verbose: bool = False, record: Record | None = None
) -> RunOutcome:
    """Run a seed with its own faults, or with others. `record`: takes spans; traces are off without it."""
    given = faults_of(seed) if faults is None else list(faults)
    chance = Random(f"setting {seed}")
    names = chance.choice((inputs.APART, inputs.APART, inputs.TOGETHER))
    markets = [inputs.expected(name, chance.randrange(inputs.POOL)) for name in names]
    broker = Broker({name: topic.partitions(inputs.PARTITIONS) for name, topic in TOPICS.items()}, chance)
    promotion = Random(f"promotion {seed}").choice(list(Promotion))
    system = System(chance, broker, Store(), markets, promotion)
    system.record = record
    with (
        patch.object(partition, "SNAPSHOT_RECORDS_MIN", chance.choice(SNAPSHOT_RECORDS)),
        patch.object(proof, "assess", fake_learner.assess),
    ):
        return _run_and_check(seed, given, system, verbose)


def _run_and_check(seed: int, faults: list[Fault], system: System, verbose: bool) -> RunOutcome:
    factories: dict = {}
    simulator = Simulator(seed, faults, factories, system.version, verbose)
    factories |= system.factories(simulator)
    simulator.recovers = system.recovers
    simulator.on_fault = {
        "compact": lambda _: system.broker.compact(LABELER_STATE.name),
        "move": lambda _: _move(system, simulator),
        "poison": lambda fault: _write_poison_pill(system, fault.how, simulator.chance),
        "repeat": lambda fault: _write_again(system, simulator, fault),
        "timeout": lambda fault: system.broker.expire(f"tidewheel-{fault.role}"),
    }
    simulator.on_arrival = lambda owner: expire_in_time(system, simulator, owner)
    simulator.background = lambda: system.broker.settle(partly=True)  # one marker at most in a turn
    for role in fault_plan.ROLES:
        simulator.start(role)
    failure = ""
    gc_was_on = gc.isenabled()
    gc.disable()
    try:
        simulator.run()
        system.broker.settle()
        checkers.check(system)
        failure = simulator.gave_up
    except (SimulationError, checkers.InvariantError) as violation:
        failure = str(violation).rstrip()
    finally:
        if gc_was_on:
            gc.enable()
    return RunOutcome(seed, failure, faults, simulator.injected, simulator.steps, simulator.covered, simulator.trace)


def expire_in_time(system: System, simulator: Simulator, owner: str) -> None:
    """A request that came late may have begun a transaction of which its owner knows nothing: it is ended in time."""
    begun = system.broker.open_transaction(owner)

    def expire() -> None:
        if begun is system.broker.open_transaction(owner):
            system.broker.expire(owner)

    if begun is not None:
        simulator.later(OPEN_STEPS_MAX, expire)


def _write_poison_pill(system: System, topic: str, chance: Random) -> None:
    """Someone else writes what is no message of the topic."""
    place = system.broker.partition_key_of(topic, None, -1)
    key, value = chance.choice(POISON_KEYS), chance.choice(POISON_VALUES)
    system.poison[*place, system.broker.append(place, key, value)] = value


def _write_again(system: System, simulator: Simulator, fault: Fault, looks: int = LOOKS_MAX) -> None:
    """The last records of an instrument, or as many as there are, stand on their topic a second time: where there are
    none yet, later."""
    market, topic = simulator.chance.choice(system.markets), TOPICS[fault.how]
    place = committed.partition_key_of(market, topic)
    last = committed.records(system, market, topic)[-fault.more :]
    for _, record in last:
        system.repeats.add((*place, system.broker.append(place, record.key, record.value)))
    if not last and looks:
        simulator.later(LOOK_STEPS, lambda: _write_again(system, simulator, fault, looks - 1))


def _move(system: System, simulator: Simulator, looks: int = LOOKS_MAX) -> None:
    """An operator promotes the candidate of each instrument, or goes back to an older model; models come late in a run,
    so he looks again while there is none."""
    registry, before = Registry(SimRedis(system.store, NoFaults("operator")), "memory"), len(system.store.by_hand)
    for instrument in registry.instruments():
        pointer, candidate = registry.current(instrument), registry.candidate(instrument)
        if candidate is not None and simulator.chance.random() < 0.5:
            registry.promote(instrument, candidate.seq)
        elif pointer is not None and pointer.seq > 1:
            try:
                registry.rollback(instrument, simulator.chance.randint(1, pointer.seq - 1))
            except VerificationError:
                continue  # that window left no model
    if len(system.store.by_hand) > before:
        simulator.say(f"pointers moved by hand: {sorted(system.store.by_hand)}")
    elif looks:
        simulator.later(LOOK_STEPS, lambda: _move(system, simulator, looks - 1))
