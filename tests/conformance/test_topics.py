"""Every topic is declared once, and used as it is declared."""

import pytest

from tests.conformance import wiring
from tests.tidy.tree import PRODUCT, Source, sources
from tidewheel.contracts.topics import EXAMPLES, TOPICS, TRANSACTIONS, Topic


def of_service(service: str) -> list[Source]:
    return [source for source in sources() if source.path.startswith(f"services/{service}/")]


@pytest.mark.parametrize("service", wiring.SERVICES)
def test_services_use_the_topics_they_are_declared_at(service: str) -> None:
    assert list(wiring.wiring_faults(service, of_service(service))) == []


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_declarations_are_whole(topic: Topic) -> None:
    known = {*wiring.SERVICES, "people"}
    assert topic.producers
    assert topic.consumers
    assert {*topic.producers, *topic.consumers} <= known
    assert topic.compacted == (topic.retention_ms is None)
    assert topic.message.DESCRIPTOR.full_name.startswith("tidewheel.wire.v1.")


def test_what_the_labeler_writes_is_transactional() -> None:
    assert {name for name, topic in TOPICS.items() if topic.transactional} == {
        name for name, topic in TOPICS.items() if topic.producers == ("labeler",)
    }
    assert TRANSACTIONS.transactional
    assert EXAMPLES.transactional


def test_names_are_spelled_in_the_declarations_only() -> None:
    product = [source for source in sources() if source.path.startswith((*PRODUCT, "bench/"))]
    assert [place for source in product for place in wiring.spelled_names(source)] == []


@pytest.mark.parametrize(
    ("path", "text", "spelled"),
    [
        ("services/labeler/__main__.py", "producer.produce(topic='ticks')", 1),
        ("services/labeler/__main__.py", "from tidewheel.contracts.topics import TICKS\nx = TICKS.name", 0),
        ("tidewheel/local/summary.py", "x = {'ticks': 1}", 0),
        ("tidewheel/local/summary.py", "x = {'dead-letters': 1}", 1),
        ("tidewheel/cli/export.py", "consumer.subscribe(['ticks'])", 1),
        ("tidewheel/cli/export.py", "x = topics.TOPICS['ticks']", 1),
    ],
)
def test_a_planted_spelling_is_found(path: str, text: str, spelled: int) -> None:
    assert len(list(wiring.spelled_names(Source(path, text)))) == spelled


ORDERBOT = """
from tidewheel.contracts import topics
from tidewheel.contracts.codecs.market import decode_second
from tidewheel.contracts.codecs.orders import encode_orders
from tidewheel.runtime.dead_letters import DeadLetterQueue
x = topics.TICKS.name, topics.ORDERS.name
"""


@pytest.mark.parametrize(
    ("old", "new", "faults"),
    [
        ("", "", []),
        (", topics.ORDERS.name", "", ["orderbot is declared at topic orders, and does not refer to it"]),
        (
            "topics.ORDERS",
            "topics.ORDERS, topics.EXAMPLES",
            ["orderbot refers to topic examples, and is not declared at it"],
        ),
        ("decode_second", "checked_instrument", ["orderbot should decode second of topic ticks"]),
        ("decode_second", "decode_second, encode_second", ["orderbot must not encode second for topic ticks"]),
        ("runtime.dead_letters", "runtime.x", ["orderbot is declared at topic dead-letters, and does not refer to it"]),
    ],
)
def test_a_planted_difference_is_found(old: str, new: str, faults: list[str]) -> None:
    source = Source("services/orderbot/__main__.py", ORDERBOT.replace(old, new) if old else ORDERBOT)
    assert list(wiring.wiring_faults("orderbot", [source])) == faults
