"""The invariants of the log on logs of the oracle's: a sound one keeps all, and whatever is done to one is noticed."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.synthetic_logs import INSTRUMENT, Log, synthetic_log
from tidewheel.contracts.invariants.findings import Invariant
from tidewheel.contracts.invariants.log import TOPICS_READ, LogInvariants
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.labeler_state import Frontier
from tidewheel.domain.orders import Outcome
from tidewheel.domain.time import NS_PER_S

SEEDS = 8
LOGS = hypothesis_settings(max_examples=25, derandomize=True)
A_LOG = st.integers(0, SEEDS - 1).map(synthetic_log)
# Where in a topic: at its ends, and anywhere between.
WHERE = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1))


def place(log: Log, topic: str, where: float, leave: int = 0) -> int:
    count = len(log.records[topic]) - leave
    assume(count > 0)
    return min(count - 1, int(where * count))


def number(topic: str, record: Any) -> str:
    """What a violation must name a record by."""
    if topic in (TICKS.name, ORDERS.name):
        return str(record.second)
    return str(record.order_id if topic == TRANSACTIONS.name else record.example_seq)


def named(invariants: LogInvariants, topic: str, word: str) -> bool:
    """Whether a violation on a topic names a number, and none is of another instrument."""
    assert {one.instrument for one in invariants.findings.kept} <= {INSTRUMENT}
    return any(word in one.detail for one in invariants.findings.kept if one.topic == topic)


def broken(invariants: LogInvariants) -> set[Invariant]:
    return set(invariants.findings.by_invariant)


def test_the_logs_have_what_is_to_be_broken() -> None:
    logs = [synthetic_log(seed) for seed in range(SEEDS)]
    assert any(log.records[EXAMPLES.name] for log in logs)
    assert any(log.records[TICKS.name][-1].session > 1 for log in logs)
    assert any(one.outcome is Outcome.VOID for log in logs for one in log.records[TRANSACTIONS.name])


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_sound_log_breaks_no_law(seed: int) -> None:
    log = synthetic_log(seed)
    invariants = log.checked()
    assert invariants.findings.kept == []
    figures = invariants.as_dict()["instruments"][INSTRUMENT]
    assert figures[TICKS.name]["records"] == len(log.records[TICKS.name])
    assert figures[ORDERS.name]["orders"] == sum(map(len, log.records[ORDERS.name]))
    assert figures[TRANSACTIONS.name]["records"] == len(log.records[TRANSACTIONS.name])
    assert figures[EXAMPLES.name]["last_example_seq"] == len(log.records[EXAMPLES.name])
    assert invariants.lines()[-1] == "no law is broken"


@pytest.mark.parametrize("topic", TOPICS_READ)
@LOGS
@given(A_LOG, WHERE, st.integers(1, 30))
def test_a_repeat_is_noticed(topic: str, log: Log, where: float, later: int) -> None:
    """At once, or some records later, as a torn transaction and a late request leave it."""
    at, log = place(log, topic, where), log.copy()
    records = log.records[topic]
    record = records[at]
    records.insert(min(len(records), at + later), record)
    invariants = log.checked()
    if topic == ORDERS.name:
        assert invariants.findings.total == 0
        assert invariants.instruments[INSTRUMENT].orders.repeats == 1
        return
    assert named(invariants, topic, number(topic, record))
    wanted = {
        TICKS.name: {Invariant.TICKS_ONCE},
        TRANSACTIONS.name: {Invariant.TRANSACTIONS_ONCE},
        EXAMPLES.name: {Invariant.EXAMPLES_ONCE},
    }
    assert broken(invariants) == wanted[topic]


@pytest.mark.parametrize("topic", TOPICS_READ)
@LOGS
@given(A_LOG, WHERE, st.integers(1, 5))
def test_a_loss_is_noticed(topic: str, log: Log, where: float, count: int) -> None:
    at, log = place(log, topic, where), log.copy()
    records = log.records[topic]
    lost = records[at : at + count]
    del records[at : at + count]
    invariants = log.checked()
    details = [one.detail for one in invariants.findings.kept]
    # Lost seconds are named by their orders, lost orders by what has no transaction: each somewhere, by number.
    begins = at == 0 and topic == EXAMPLES.name
    missed = str(lost[-1].example_seq + 1) if begins and records else number(topic, lost[0])
    if topic == EXAMPLES.name and at and at == len(records):
        missed = number(topic, lost[-1])  # by the labeler's state
    assert any(missed in detail for detail in details), (missed, details)
    own_law = {
        TICKS.name: {Invariant.TICKS_CONTIGUOUS, Invariant.SESSION_ENDED, Invariant.ORDERS_JOINED},
        ORDERS.name: {Invariant.ORDERS_COMPLETE},
        TRANSACTIONS.name: {Invariant.TRANSACTIONS_COMPLETE},
        EXAMPLES.name: {Invariant.EXAMPLES_CONTIGUOUS, Invariant.STATE_COVERS},
    }
    assert broken(invariants) & own_law[topic]


@pytest.mark.parametrize("topic", TOPICS_READ)
@LOGS
@given(A_LOG, WHERE)
def test_two_that_changed_places_are_noticed(topic: str, log: Log, where: float) -> None:
    at, log = place(log, topic, where, leave=1), log.copy()
    records = log.records[topic]
    records[at], records[at + 1] = records[at + 1], records[at]
    invariants = log.checked()
    assert named(invariants, topic, number(topic, records[at + 1])), invariants.lines()
    wanted = {
        TICKS.name: {Invariant.TICKS_ORDERED},
        ORDERS.name: {Invariant.ORDERS_ORDERED},
        TRANSACTIONS.name: {Invariant.TRANSACTIONS_ORDERED},
        EXAMPLES.name: {Invariant.EXAMPLES_CONTIGUOUS, Invariant.EXAMPLES_ONCE},
    }
    assert wanted[topic] <= broken(invariants)


ALTERED = {
    "first_seq": (TICKS.name, lambda one: replace(one, first_seq=one.first_seq + 1), Invariant.TICKS_CONTIGUOUS),
    "a session": (TICKS.name, lambda one: replace(one, session=one.session + 2), Invariant.TICKS_CONTIGUOUS),
    "a second of orders": (ORDERS.name, lambda one: replace(one, second=one.second + 10**6), Invariant.ORDERS_JOINED),
    "a session of orders": (ORDERS.name, lambda one: replace(one, session=one.session + 1), Invariant.ORDERS_JOINED),
    "an order's number": (
        TRANSACTIONS.name,
        lambda one: replace(one, order_id=one.order_id + 600),
        Invariant.TRANSACTIONS_JOINED,
    ),
    "the session of an end": (
        TRANSACTIONS.name,
        lambda one: replace(one, session=one.session + 1),
        Invariant.TRANSACTIONS_JOINED,
    ),
    "an early end": (
        TRANSACTIONS.name,
        lambda one: replace(one, resolved_ns=one.placed_ns - 1),
        Invariant.TRANSACTIONS_JOINED,
    ),
    "a label": (EXAMPLES.name, lambda one: replace(one, label=1 - one.label), Invariant.EXAMPLES_LABELED),
    "the end of an example": (
        EXAMPLES.name,
        lambda one: replace(one, resolved_ns=one.resolved_ns + 1),
        Invariant.EXAMPLES_LABELED,
    ),
    "the order of an example": (
        EXAMPLES.name,
        lambda one: replace(one, order_id=one.order_id + 600),
        Invariant.EXAMPLES_JOINED,
    ),
}


@pytest.mark.parametrize("what", ALTERED)
@LOGS
@given(A_LOG, WHERE)
def test_an_altered_record_is_noticed(what: str, log: Log, where: float) -> None:
    topic, altered, invariant = ALTERED[what]
    at, log = place(log, topic, where), log.copy()
    record = altered(log.records[topic][at])
    log.records[topic][at] = record
    invariants = log.checked()
    assert invariant in broken(invariants), invariants.lines()
    assert any(
        one.topic == topic and one.offset == at for one in invariants.findings.kept if one.invariant is invariant
    )


@pytest.mark.parametrize("topic", [TICKS.name, ORDERS.name])
@LOGS
@given(A_LOG, WHERE)
def test_a_repeat_that_says_something_else_is_noticed(topic: str, log: Log, where: float) -> None:
    at, log = place(log, topic, where), log.copy()
    record = log.records[topic][at]
    changed = {"connection_epoch": 99} if topic == TICKS.name else {"session": record.session + 1}
    other = replace(record, **changed)
    log.records[topic].insert(at + 1, other)
    invariant = Invariant.TICKS_UNAMBIGUOUS if topic == TICKS.name else Invariant.ORDERS_UNAMBIGUOUS
    invariants = log.checked()
    assert broken(invariants) == {invariant}
    assert named(invariants, topic, number(topic, record))


@LOGS
@given(A_LOG, st.tuples(*[st.floats(0, 1)] * 4))
def test_what_retention_took_is_no_loss(log: Log, taken: tuple[float, ...]) -> None:
    """Of each topic another part of the beginning is gone."""
    log = log.copy()
    for topic, share in zip(TOPICS_READ, taken, strict=True):
        del log.records[topic][: int(share * len(log.records[topic]))]
    invariants = log.checked(frozenset((topic, 0) for topic in TOPICS_READ))
    assert invariants.findings.kept == []
    # The same without a word of retention is a loss, wherever anything is gone.
    if any(int(share * len(synthetic_log)) for share, synthetic_log in zip(taken, log.records.values(), strict=True)):
        assert log.checked().findings.total > 0


@LOGS
@given(A_LOG, WHERE)
def test_a_labeler_that_is_behind_has_lost_nothing(log: Log, where: float) -> None:
    log, last = log.copy(), log.records[TICKS.name][place(log, TICKS.name, where)].second
    # An order that ends with its session ends with its last second.
    transactions = [one for one in log.records[TRANSACTIONS.name] if _ended_in(one) <= last]
    resolved = {one.order_id for one in transactions}
    examples = [one for one in log.records[EXAMPLES.name] if one.order_id in resolved]
    log.records[TRANSACTIONS.name], log.records[EXAMPLES.name] = transactions, examples
    log.frontier = Frontier(last, len(examples), len(transactions))
    invariants = log.checked()
    assert invariants.findings.kept == []
    placed = sum(map(len, log.records[ORDERS.name]))
    assert invariants.instruments[INSTRUMENT].transactions.still_open == placed - len(transactions)


def _ended_in(one: Any) -> int:
    at_end = one.outcome is Outcome.VOID
    return int(one.resolved_ns - at_end) // NS_PER_S


@LOGS
@given(A_LOG, WHERE, st.booleans())
def test_outputs_without_their_state_are_noticed(log: Log, where: float, more: bool) -> None:
    """As a torn transaction leaves them, or a state whose outputs are gone."""
    log = log.copy()
    known = log.frontier
    assume(known.transactions > 0)
    behind = -1 if more else 1
    log.frontier = replace(known, transactions=known.transactions + behind)
    invariants = log.checked()
    assert broken(invariants) == {Invariant.STATE_COVERS}
    assert named(invariants, TRANSACTIONS.name, str(known.transactions + behind))
