"""What the laws say for people and machines, and the cases that a made log does not have."""

import json
from dataclasses import replace

import pytest

from tests.made_logs import INSTRUMENT, Log, made
from tidewheel.contracts.laws.findings import KEPT_EACH, Law
from tidewheel.contracts.laws.log import READ, LogLaws
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.labeler_state import Frontier

OTHER = "sim:OTHER"


@pytest.fixture
def log() -> Log:
    found = made(0).copy()
    assert len(found.records[EXAMPLES.name]) > 2 * KEPT_EACH
    return found


def test_one_line_an_instrument_and_topic(log: Log) -> None:
    log.records[ORDERS.name].insert(9, log.records[ORDERS.name][7])
    ticks, orders, transactions, examples, last = log.held().lines()
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
    laws = log.held()
    assert laws.findings.by_law == {Law.EXAMPLES_LABELLED: len(examples)}
    lines = laws.lines()
    assert lines[-1] == f"{len(examples)} violations"
    assert lines[-2] == f"  and {len(examples) - KEPT_EACH:,} more"
    assert lines[-3 - KEPT_EACH] == f"broken: {Law.EXAMPLES_LABELLED}"
    assert lines[-2 - KEPT_EACH].startswith(f"  examples 0:0 {INSTRUMENT}: example 1 says label")
    parsed = json.loads(json.dumps(laws.as_dict()))
    assert (parsed["violations"], parsed["by_law"]) == (len(examples), {"examples_labelled": len(examples)})
    assert len(parsed["first"]) == KEPT_EACH
    assert {key: parsed["first"][1][key] for key in ("law", "topic", "partition", "offset", "instrument")} == {
        "law": "examples_labelled",
        "topic": EXAMPLES.name,
        "partition": 0,
        "offset": 1,
        "instrument": INSTRUMENT,
    }


@pytest.mark.parametrize("change", [{"partition": 1}, {"key": b"sim:ELSE"}, {"key": None}])
def test_an_instrument_has_one_partition_and_its_name_as_key(log: Log, change: dict[str, object]) -> None:
    state = {INSTRUMENT: log.frontier}
    laws = LogLaws(before=state)
    for topic in READ:
        for at, entry in enumerate(log.entries(topic)):
            laws.take(entry._replace(**change) if (topic, at) == (TRANSACTIONS.name, 3) else entry)
    laws.end(state)
    assert laws.findings.by_law == {Law.ONE_PLACE: 1}
    assert (laws.findings.kept[0].topic, laws.findings.kept[0].offset) == (TRANSACTIONS.name, 3)


def test_instruments_are_held_to_the_laws_each_by_itself(log: Log) -> None:
    state = {INSTRUMENT: log.frontier, OTHER: log.frontier}
    laws = LogLaws(before=state)
    for topic in READ:
        for entry in log.entries(topic):
            laws.take(entry)
            value = replace(entry.value, instrument=OTHER)
            if (topic, entry.offset) != (EXAMPLES.name, 4):
                laws.take(entry._replace(key=OTHER.encode(), value=value, partition=1))
    laws.end(state)
    assert {one.instrument for one in laws.findings.kept} == {OTHER}
    assert "example_seq 6 came where 5 was due, 1 is missing" in laws.findings.kept[0].detail


def test_what_cannot_be_decoded_is_told_and_is_no_violation_by_itself(log: Log) -> None:
    state = {INSTRUMENT: log.frontier}
    laws = LogLaws(before=state)
    laws.on_undecodable(ORDERS.name, 1, 77, "undecodable: no SecondOrders")
    for topic in READ:
        for entry in log.entries(topic):
            laws.take(entry)
    laws.end(state)
    assert laws.findings.total == 0
    assert "records that cannot be decoded, which break no law by themselves: 1 of orders" in laws.lines()
    assert "  orders 1:77: undecodable: no SecondOrders" in laws.lines()
    assert laws.as_dict()["undecodable"] == {ORDERS.name: 1}


def test_a_state_without_any_record_is_a_loss_unless_retention_took_them() -> None:
    state = {INSTRUMENT: Frontier(100, 5, 7)}
    laws = LogLaws(before=state)
    laws.end(state)
    assert laws.findings.by_law == {Law.STATE_COVERS: 2}
    laws = LogLaws(frozenset((topic, 1) for topic in READ), state)
    laws.end(state)
    assert laws.findings.total == 0


def test_orders_of_a_session_that_is_over_must_be_resolved(log: Log) -> None:
    gone = log.records[TRANSACTIONS.name].pop()
    log.frontier = replace(log.frontier, transactions=log.frontier.transactions - 1)
    (told,) = [one for one in log.held().findings.kept if one.law is Law.TRANSACTIONS_COMPLETE]
    seconds = [one.second for one in log.records[ORDERS.name]]
    assert (told.topic, told.offset) == (ORDERS.name, seconds.index(gone.order_id // 1000))
    assert f"order {gone.order_id} is not resolved" in told.detail


def test_an_empty_log_is_sound() -> None:
    laws = LogLaws()
    laws.end({})
    assert laws.lines() == ["no law is broken"]
