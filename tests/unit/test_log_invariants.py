"""What the invariants say for people and machines, and the cases that a made log does not have."""

import json
from dataclasses import replace

import pytest

from tests.synthetic_logs import INSTRUMENT, Log, synthetic_log
from tidewheel.contracts.invariants.findings import KEPT_EACH, Invariant
from tidewheel.contracts.invariants.log import TOPICS_READ, LogInvariants
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.labeler_state import Frontier

OTHER = "sim:OTHER"


@pytest.fixture
def log() -> Log:
    found = synthetic_log(0).copy()
    assert len(found.records[EXAMPLES.name]) > 2 * KEPT_EACH
    return found


def test_one_line_an_instrument_and_topic(log: Log) -> None:
    log.records[ORDERS.name].insert(9, log.records[ORDERS.name][7])
    ticks, orders, transactions, examples, last = log.checked().lines()
    count = len(log.records[TICKS.name])
    assert ticks == (
        f"{INSTRUMENT} ticks: {count:,} market seconds in 3 sessions, seq 1…{log.records[TICKS.name][-1].last_seq}: "
        "contiguous, once each, in order"
    )
    assert orders.endswith("once each but for repeats, in order, joined by second; 1 identical repeats")
    assert transactions.endswith("0 still open: each placed, once each, in order")
    number = len(log.records[EXAMPLES.name])
    assert examples == (
        f"{INSTRUMENT} examples: {number} examples, example_seq 1…{number}: "
        "contiguous, once each, in order, each of one transaction"
    )
    assert last == "no law is broken"


def test_no_more_than_so_many_of_a_law_are_told_and_all_are_counted(log: Log) -> None:
    examples = log.records[EXAMPLES.name]
    log.records[EXAMPLES.name] = [replace(one, label=1 - one.label) for one in examples]
    invariants = log.checked()
    assert invariants.findings.by_invariant == {Invariant.EXAMPLES_LABELED: len(examples)}
    lines = invariants.lines()
    assert lines[-1] == f"{len(examples)} violations"
    assert lines[-2] == f"  and {len(examples) - KEPT_EACH:,} more"
    assert lines[-3 - KEPT_EACH] == f"broken: {Invariant.EXAMPLES_LABELED}"
    assert lines[-2 - KEPT_EACH].startswith(f"  examples 0:0 {INSTRUMENT}: example 1 says label")
    parsed = json.loads(json.dumps(invariants.as_dict()))
    assert (parsed["violations"], parsed["by_law"]) == (len(examples), {"examples_labeled": len(examples)})
    assert len(parsed["first"]) == KEPT_EACH
    assert {key: parsed["first"][1][key] for key in ("law", "topic", "partition", "offset", "instrument")} == {
        "law": "examples_labeled",
        "topic": EXAMPLES.name,
        "partition": 0,
        "offset": 1,
        "instrument": INSTRUMENT,
    }


@pytest.mark.parametrize("change", [{"partition": 1}, {"key": b"sim:ELSE"}, {"key": None}])
def test_an_instrument_has_one_partition_and_its_name_as_key(log: Log, change: dict[str, object]) -> None:
    state = {INSTRUMENT: log.frontier}
    invariants = LogInvariants(before=state)
    for topic in TOPICS_READ:
        for at, entry in enumerate(log.entries(topic)):
            invariants.take(entry._replace(**change) if (topic, at) == (TRANSACTIONS.name, 3) else entry)
    invariants.end(state)
    assert invariants.findings.by_invariant == {Invariant.ONE_PLACE: 1}
    assert (invariants.findings.kept[0].topic, invariants.findings.kept[0].offset) == (TRANSACTIONS.name, 3)


def test_instruments_are_held_to_the_laws_each_by_itself(log: Log) -> None:
    state = {INSTRUMENT: log.frontier, OTHER: log.frontier}
    invariants = LogInvariants(before=state)
    for topic in TOPICS_READ:
        for entry in log.entries(topic):
            invariants.take(entry)
            value = replace(entry.value, instrument=OTHER)
            if (topic, entry.offset) != (EXAMPLES.name, 4):
                invariants.take(entry._replace(key=OTHER.encode(), value=value, partition=1))
    invariants.end(state)
    assert {one.instrument for one in invariants.findings.kept} == {OTHER}
    assert "example_seq 6 came where 5 was due, 1 is missing" in invariants.findings.kept[0].detail


def test_what_cannot_be_decoded_is_told_and_is_no_violation_by_itself(log: Log) -> None:
    state = {INSTRUMENT: log.frontier}
    invariants = LogInvariants(before=state)
    invariants.on_undecodable(ORDERS.name, 1, 77, "undecodable: no SecondOrders")
    for topic in TOPICS_READ:
        for entry in log.entries(topic):
            invariants.take(entry)
    invariants.end(state)
    assert invariants.findings.total == 0
    assert "records that cannot be decoded, which break no law by themselves: 1 of orders" in invariants.lines()
    assert "  orders 1:77: undecodable: no SecondOrders" in invariants.lines()
    assert invariants.as_dict()["undecodable"] == {ORDERS.name: 1}


def test_a_state_without_any_record_is_a_loss_unless_retention_took_them() -> None:
    state = {INSTRUMENT: Frontier(100, 5, 7)}
    invariants = LogInvariants(before=state)
    invariants.end(state)
    assert invariants.findings.by_invariant == {Invariant.STATE_COVERS: 2}
    invariants = LogInvariants(frozenset((topic, 1) for topic in TOPICS_READ), state)
    invariants.end(state)
    assert invariants.findings.total == 0


def test_orders_of_a_session_that_is_over_must_be_resolved(log: Log) -> None:
    gone = log.records[TRANSACTIONS.name].pop()
    log.frontier = replace(log.frontier, transactions=log.frontier.transactions - 1)
    (violation,) = [one for one in log.checked().findings.kept if one.invariant is Invariant.TRANSACTIONS_COMPLETE]
    seconds = [one.second for one in log.records[ORDERS.name]]
    assert (violation.topic, violation.offset) == (ORDERS.name, seconds.index(gone.order_id // 1000))
    assert f"order {gone.order_id} is not resolved" in violation.detail


def test_an_empty_log_is_sound() -> None:
    invariants = LogInvariants()
    invariants.end({})
    assert invariants.lines() == ["no law is broken"]
