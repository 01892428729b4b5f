"""The judge of the topics themselves against planted faults, of which an export shows few."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests import markets, oracle
from tests.system.chaos import log
from tests.system.chaos.log import Record
from tests.unit.chaos.made import judged
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.orders import encode_orders
from tidewheel.wire.v1 import market_pb2, orders_pb2, training_pb2

FIRST, SECOND = "replay:BTC-USD", "replay:ETH-USD"
PARTITIONS = {FIRST: 1, SECOND: 0}
Topics = dict[str, list[Record]]
Event = training_pb2.TrainingRunEvent


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, oracle.Result]:
    folder = tmp_path_factory.mktemp("log")
    return {FIRST: judged(folder, 2, 900), SECOND: judged(folder, 3, 900)}


def topics_of(name: str, result: oracle.Result) -> Topics:
    def records(values: list[bytes]) -> list[Record]:
        return [Record(PARTITIONS[name], name.encode(), value) for value in values]

    transactions = [
        orders_pb2.Transaction(
            instrument=name,
            order_id=one.order.order_id,
            session=one.order.session,
            placed_ns=one.order.placed_ns,
            entry_e9=one.order.offer,
            upper_e9=one.order.upper,
            lower_e9=one.order.lower,
            resolved_ns=one.resolved_ns,
            resolved_seq=one.resolved_seq,
            exit_e9=one.exit,
            outcome=orders_pb2.Outcome.Value(f"OUTCOME_{one.outcome}"),
            pnl_e9=one.pnl,
        )
        for one in result.transactions
    ]
    examples = [
        orders_pb2.Example(
            instrument=name,
            example_seq=one.example_seq,
            order_id=one.order_id,
            placed_ns=one.placed_ns,
            resolved_ns=one.resolved_ns,
            label=one.label,
            features=one.features,
            pnl_e9=one.pnl,
        )
        for one in result.examples()
    ]
    return {
        "ticks": records([encode_second(replace(one, instrument=name)) for one in markets.seconds(result)]),
        "orders": records([encode_orders(replace(one, instrument=name)) for one in markets.second_orders(result)]),
        "transactions": records([one.SerializeToString() for one in transactions]),
        "examples": records([one.SerializeToString() for one in examples]),
        "training-runs": records([event(name, 1, Event.STEP_WINDOW_CLOSED), event(name, 1, Event.STEP_PUBLISHED)]),
        "dead-letters": records(
            [
                market_pb2.DeadLetter(service="ingest", offset=one.line, instrument=name).SerializeToString()
                for one in result.rejects
            ]
        ),
    }


def event(name: str, seq: int, step: Any, **more: Any) -> bytes:
    return Event(instrument=name, seq=seq, step=step, **more).SerializeToString()


@pytest.fixture
def topics(results: dict[str, oracle.Result]) -> Topics:
    """As they must be, the instruments in turn."""
    first, second = (topics_of(name, results[name]) for name in (FIRST, SECOND))
    return {topic: [*first[topic], *second[topic]] for topic in first}


def faults(topics: Topics, results: dict[str, oracle.Result]) -> list[str]:
    return log.differences(topics.__getitem__, results)


def changed(kind: Any, record: Record, **more: Any) -> Record:
    message = kind.FromString(record.value)
    for name, value in more.items():
        setattr(message, name, value)
    return record._replace(value=message.SerializeToString())


def test_topics_as_they_must_be_have_no_faults(topics: Topics, results: dict[str, oracle.Result]) -> None:
    assert min(len(records) for records in topics.values()) >= 4
    assert len(topics["examples"]) > 200
    assert faults(topics, results) == []


def test_an_equal_record_of_orders_is_a_repeat(topics: Topics, results: dict[str, oracle.Result]) -> None:
    topics["orders"][60:60] = topics["orders"][40:60]
    assert faults(topics, results) == []


@pytest.mark.parametrize("topic", ["ticks", "transactions", "examples"])
def test_an_equal_record_of_what_is_written_once_is_none(
    topics: Topics, results: dict[str, oracle.Result], topic: str
) -> None:
    topics[topic].append(topics[topic][-1])
    (words,) = faults(topics, results)
    count = sum(record.key == SECOND.encode() for record in topics[topic])
    assert words.startswith(f"log of {topic}: record {count} of {SECOND}: ")
    assert "wanted none" in words


@pytest.mark.parametrize("topic", list(log.STREAMS))
@pytest.mark.parametrize(
    "plant",
    [
        lambda records: records[:70] + records[71:],
        lambda records: records[:-1],
        lambda records: [*records[:70], records[71], records[70], *records[72:]],
        lambda records: [record for record in records if record.key == FIRST.encode()],
        lambda records: [*records, records[-1]._replace(partition=1 - records[-1].partition)],
        lambda records: [*records, records[-1]._replace(key=b"")],
        lambda records: [*records, Record(0, SECOND.encode(), b"\xff garbage")],
        lambda records: [*records, Record(0, SECOND.encode(), None)],
    ],
    ids=["lost", "last lost", "swapped", "one instrument lost", "elsewhere", "other key", "garbage", "empty"],
)
def test_a_planted_fault_is_found(
    topics: Topics, results: dict[str, oracle.Result], topic: str, plant: Callable[[list[Record]], list[Record]]
) -> None:
    topics[topic] = plant(topics[topic])
    found = faults(topics, results)
    assert found
    assert all(words.startswith(f"log of {topic}: ") for words in found)


@pytest.mark.parametrize(
    ("topic", "kind", "more"),
    [
        ("ticks", market_pb2.MarketSecond, {"first_seq": 1}),
        ("ticks", market_pb2.MarketSecond, {"flags": b""}),
        ("ticks", market_pb2.MarketSecond, {"ends_session": True}),
        ("orders", orders_pb2.SecondOrders, {"order_id": b""}),
        ("transactions", orders_pb2.Transaction, {"session": 9}),
        ("transactions", orders_pb2.Transaction, {"pnl_e9": 0}),
        ("transactions", orders_pb2.Transaction, {"outcome": orders_pb2.Outcome.OUTCOME_EXPIRED}),
        ("examples", orders_pb2.Example, {"pnl_e9": 7}),
        ("examples", orders_pb2.Example, {"label": 7}),
        ("examples", orders_pb2.Example, {"features": b"x"}),
    ],
)
def test_one_field_that_differs_is_found(
    topics: Topics, results: dict[str, oracle.Result], topic: str, kind: Any, more: dict[str, Any]
) -> None:
    topics[topic][50:150] = [changed(kind, record, **more) for record in topics[topic][50:150]]
    assert any(words.startswith(f"log of {topic}: record ") for words in faults(topics, results))


def test_other_orders_of_a_second_that_has_some_are_found(topics: Topics, results: dict[str, oracle.Result]) -> None:
    again = changed(orders_pb2.SecondOrders, topics["orders"][70], upper_e9=b"12345678")
    topics["orders"].insert(75, again)
    (words,) = faults(topics, results)
    assert words.endswith("is written again with other words")


def test_a_step_told_again_may_differ_in_its_time_only(topics: Topics, results: dict[str, oracle.Result]) -> None:
    def faults_of(event: bytes) -> list[str]:
        return log.run_faults([*topics["training-runs"], Record(1, FIRST.encode(), event)])

    assert faults_of(event(FIRST, 1, Event.STEP_PUBLISHED, at_ns=5, result={"tuning_s": 0.5})) == []
    assert faults_of(event(FIRST, 2, Event.STEP_PUBLISHED, reason="other")) == []
    for other in ({"reason": "other"}, {"result": {"sha256": "ab"}}, {"first_example_seq": 3}):
        (words,) = faults_of(event(FIRST, 1, Event.STEP_PUBLISHED, **other))
        assert words.endswith("is told again in other words")


def test_what_another_service_rejected_is_found(topics: Topics, results: dict[str, oracle.Result]) -> None:
    letter = market_pb2.DeadLetter(service="labeler", source="ticks", offset=7)
    topics["dead-letters"].append(Record(0, b"ticks", letter.SerializeToString()))
    assert faults(topics, results) == ["log of dead-letters: labeler rejected ticks 7"]


def test_many_faults_are_told_in_few_lines(topics: Topics, results: dict[str, oracle.Result]) -> None:
    del topics["ticks"][50]
    found = faults(topics, results)
    assert len(found) == log.FAULTS_MAX + 1
    assert found[-1].endswith("faults more")
