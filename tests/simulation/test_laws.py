"""Over runs with all their faults: what the services leave keeps the invariants of the log, and no reader that read it,
again and again after crashes and rebalances, counts a repeat or a loss that is none."""

import pytest

from tests.predictors import metric_value
from tests.simulation import checkers, runs
from tests.simulation.broker import Broker
from tests.simulation.fault_plan import Fault
from tests.simulation.mutants import MUTANTS, Mutant, find
from tests.simulation.services import System
from tidewheel.contracts.codecs.labeler_state import FRONTIER, decode_frontier, key_kind
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.invariants.findings import Invariant, LogEntry
from tidewheel.contracts.invariants.log import TOPICS_READ, LogInvariants
from tidewheel.contracts.tables import TABLE_VIEWS
from tidewheel.contracts.topics import EXAMPLES, LABELER_STATE, ORDERS, TICKS
from tidewheel.domain.labeler_state import Frontier

SEEDS = 10
SEEDS_MAX = 60
# Orders may repeat, and the labeler counts them.
NEVER = (
    *((service, TICKS.name, what) for service in ("orderbot", "labeler") for what in ("repeated", "missing")),
    *(("trainer", EXAMPLES.name, what) for what in ("repeated", "missing")),
    ("labeler", ORDERS.name, "missing"),
)
# What faults planted in the services do to the log.
BREAKS_LAWS = {
    "ingest: does not look at its log": Invariant.TICKS_ONCE,
    "orderbot: commits one record too far": Invariant.ORDERS_COMPLETE,
    "labeler: offsets beside the transaction": Invariant.TRANSACTIONS_COMPLETE,
    "labeler: writes again what is written": Invariant.TRANSACTIONS_ONCE,
    "labeler: no state in the transaction": Invariant.STATE_COVERS,
    "labeler: every label on the other partition too": Invariant.ONE_PLACE,
}


def frontiers(broker: Broker) -> dict[str, Frontier]:
    found = {}
    for (topic, _), partition in broker.partitions.items():
        for _, record in partition.committed() if topic == LABELER_STATE.name else ():
            if record.value is not None and key_kind(record.key) == FRONTIER:
                one = decode_frontier(record.value)
                found[one.instrument] = one.frontier
    return found


def checked(broker: Broker) -> LogInvariants:
    invariants = LogInvariants(before=frontiers(broker))
    for topic in TOPICS_READ:
        for (name, number), partition in broker.partitions.items():
            for offset, record in partition.committed() if name == topic else ():
                try:
                    value = TABLE_VIEWS[topic].decode(record.key, record.value)
                except InvalidRecordError as bad:
                    invariants.on_undecodable(topic, number, offset, str(bad))
                else:
                    invariants.take(LogEntry(topic, number, offset, record.key, value, hash(record.value)))
    invariants.end(frontiers(broker))
    return invariants


def counts() -> dict[tuple[str, str, str], float]:
    return {
        (service, topic, what): metric_value(f"tidewheel_records_{what}_total", service=service, topic=topic)
        for service, topic, what in NEVER
    }


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> list[System]:
    """What runs leave, be it judged sound or not."""
    found: list[System] = []
    check = checkers.check
    monkeypatch.setattr(checkers, "check", lambda system: (found.append(system), check(system)))
    return found


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_services_leave_is_sound_and_no_reader_is_alarmed(seed: int, systems: list[System]) -> None:
    before = counts()
    assert runs.run(seed, [fault for fault in runs.faults_of(seed) if fault.kind != "repeat"]).failure == ""
    (system,) = systems
    invariants = checked(system.broker)
    assert invariants.findings.total == 0, invariants.lines()
    assert len(invariants.instruments) == len(system.markets)
    assert counts() == before


def test_a_second_that_is_written_again_breaks_a_law_and_is_counted_by_its_readers(systems: list[System]) -> None:
    before = counts()
    assert runs.run(0, [Fault("repeat", "producer", 4000, how=TICKS.name, more=2)]).failure == ""
    assert checked(systems[-1].broker).findings.by_invariant.keys() == {Invariant.TICKS_ONCE}
    counted = {site: after - before[site] for site, after in counts().items()}
    assert counted == {site: 2 * (site[1:] == (TICKS.name, "repeated")) for site in NEVER}


@pytest.mark.parametrize("fault", [one for one in MUTANTS if one.name in BREAKS_LAWS], ids=lambda fault: fault.name)
def test_faults_planted_in_services_break_laws(fault: Mutant, systems: list[System]) -> None:
    assert find(fault, [fault.seed, *range(SEEDS_MAX)])
    broken = set(checked(systems[-1].broker).findings.by_invariant)
    assert BREAKS_LAWS[fault.name] in broken, broken
