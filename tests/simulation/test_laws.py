"""Over runs with all their faults: what the services leave is sound to the laws of the log, and no reader that read it,
again and again after crashes and rebalances, counts a repeat or a loss that is none."""

import pytest

from tests.predictors import count
from tests.simulation import checkers, runs
from tests.simulation.broker import Broker
from tests.simulation.planted import PLANTED, Planted, find
from tests.simulation.services import System
from tidewheel.contracts.bad_record import BadRecord
from tidewheel.contracts.codecs.labeler_state import FRONTIER, decode_frontier, kind_of
from tidewheel.contracts.laws.findings import Entry, Law
from tidewheel.contracts.laws.log import READ, LogLaws
from tidewheel.contracts.rows import VIEWS
from tidewheel.contracts.topics import EXAMPLES, LABELER_STATE, ORDERS, TICKS
from tidewheel.domain.labeler_state import Frontier

SEEDS = 10
SEEDS_MAX = 60
# Orders may repeat, and the labeler counts them.
NEVER = (
    *((service, TICKS.name, what) for service in ("orderbot", "labeler") for what in ("repeated", "skipped")),
    *(("trainer", EXAMPLES.name, what) for what in ("repeated", "skipped")),
    ("labeler", ORDERS.name, "skipped"),
)
# What faults planted in the services do to the log.
BREAKS_LAWS = {
    "ingest: does not look at its log": Law.TICKS_ONCE,
    "orderbot: commits one record too far": Law.ORDERS_COMPLETE,
    "labeler: offsets beside the transaction": Law.TRANSACTIONS_COMPLETE,
    "labeler: writes again what is written": Law.TRANSACTIONS_ONCE,
    "labeler: no state in the transaction": Law.STATE_COVERS,
    "labeler: every label on the other partition too": Law.ONE_PLACE,
}


def frontiers(broker: Broker) -> dict[str, Frontier]:
    found = {}
    for (topic, _), partition in broker.partitions.items():
        for _, record in partition.committed() if topic == LABELER_STATE.name else ():
            if record.value is not None and kind_of(record.key) == FRONTIER:
                one = decode_frontier(record.value)
                found[one.instrument] = one.frontier
    return found


def held(broker: Broker) -> LogLaws:
    laws = LogLaws(before=frontiers(broker))
    for topic in READ:
        for (name, number), partition in broker.partitions.items():
            for offset, record in partition.committed() if name == topic else ():
                try:
                    value = VIEWS[topic].decode(record.key, record.value)
                except BadRecord as bad:
                    laws.on_undecodable(topic, number, offset, str(bad))
                else:
                    laws.take(Entry(topic, number, offset, record.key, value, hash(record.value)))
    laws.end(frontiers(broker))
    return laws


def counts() -> dict[tuple[str, str, str], float]:
    return {
        (service, topic, what): count(f"tidewheel_records_{what}_total", service=service, topic=topic)
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
    assert runs.run(seed).failure == ""
    (system,) = systems
    laws = held(system.broker)
    assert laws.findings.total == 0, laws.lines()
    assert len(laws.instruments) == len(system.markets)
    assert counts() == before


@pytest.mark.parametrize("fault", [one for one in PLANTED if one.name in BREAKS_LAWS], ids=lambda fault: fault.name)
def test_faults_planted_in_services_break_laws(fault: Planted, systems: list[System]) -> None:
    assert find(fault, [fault.seed, *range(SEEDS_MAX)])
    broken = set(held(systems[-1].broker).findings.by_law)
    assert BREAKS_LAWS[fault.name] in broken, broken
