"""`tidewheel verify-log` on a real broker: a log that labelers wrote is sound, and what is done to it is named."""

import json
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.labelers import Inputs, publish, running
from tests.system.chaos.log import verify_log_faults
from tidewheel.cli.main import main
from tidewheel.contracts.codecs.orders import decode_example, encode_example, encode_orders
from tidewheel.contracts.topics import EXAMPLES, ORDERS
from tidewheel.runtime.kafka import flush, producer_config

pytestmark = pytest.mark.broker

ONE = Inputs.of("sim:BTC-USD", 0, seed=3)
OTHER = Inputs.of("sim:ETH-USD", 1, seed=4)


@pytest.fixture
def labeled(broker: str) -> str:
    """A broker on whose topics two instruments are labelled to the end, by a labeler that was killed on the way."""
    publish(broker, [ONE, OTHER], stop=700)
    with running(broker) as start:
        first = start()
        first.step_until(lambda: first.written_second(ONE) >= ONE.seconds[300].second)
        publish(broker, [ONE, OTHER], start=700)
        start().step_until_written([ONE, OTHER])
    return broker


def verified(capsys: pytest.CaptureFixture[str], broker: str, *more: str) -> tuple[int, str, str]:
    code = main(["verify-log", "--kafka", broker, *more])
    return (code, *capsys.readouterr())


def write(broker: str, topic: str, one: Inputs, *payloads: bytes) -> None:
    producer = Producer(producer_config(broker, "test"))
    for payload in payloads:
        producer.produce(topic, payload, one.instrument, one.partition)
    flush(producer)


def test_a_log_as_the_labeler_leaves_it(labeled: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = verified(capsys, labeled)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "no law is broken"
    for one in (ONE, OTHER):
        assert (
            f"{one.instrument} examples: {len(one.examples):,} examples, example_seq 1…{len(one.examples):,}: " in out
        )
        assert f"{one.instrument} transactions: {len(one.transactions):,} resolved orders, 0 still open" in out


def test_a_duplicated_example_is_named(labeled: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(labeled, EXAMPLES.name, ONE, ONE.examples[16], ONE.examples[17])
    code, out, _ = verified(capsys, labeled)
    assert code == 1
    lines_of_the_law = [line for line in out.splitlines() if line.startswith(f"  examples {ONE.partition}:")]
    assert [line.split(": ", 1)[1] for line in lines_of_the_law] == [
        f"example_seq {number} came late or again where {len(ONE.examples) + 1} was due" for number in (17, 18)
    ]
    assert all(ONE.instrument in line for line in lines_of_the_law)
    assert verified(capsys, labeled, "--instrument", OTHER.instrument)[0] == 0
    code, out, _ = verified(capsys, labeled, "--json")
    parsed: dict[str, Any] = json.loads(out)
    assert (code, parsed["violations"], parsed["by_law"]) == (1, 2, {"examples_once": 2})
    assert parsed["instruments"][ONE.instrument][EXAMPLES.name]["repeats"] == 2


def test_chaos_asks_it(labeled: str) -> None:
    assert verify_log_faults(labeled) == []
    write(labeled, EXAMPLES.name, ONE, ONE.examples[16])
    (fault,) = verify_log_faults(labeled)
    assert fault.startswith("verify-log ended with exit code 1: ")
    assert "example_seq 17 came late or again" in fault


def test_an_example_too_many_is_named(labeled: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Contiguous, but of an order that has its example, and more than the labeler knows of."""
    last = decode_example(ONE.examples[-1])
    write(labeled, EXAMPLES.name, ONE, encode_example(replace(last, example_seq=last.example_seq + 1)))
    code, out, _ = verified(capsys, labeled)
    assert code == 1
    assert f"order {last.order_id} has an example already" in out
    assert f"{last.example_seq + 1} are there, the labeler's state says {last.example_seq}" in out


def test_orders_that_come_again_and_garbage_are_told_and_no_violation(
    labeled: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(labeled, ORDERS.name, ONE, *(encode_orders(orders) for orders in ONE.orders[-5:]), b"\xff garbage")
    code, out, _ = verified(capsys, labeled)
    assert code == 0
    assert "in order, joined by second; 5 identical repeats" in out
    assert "break no law by themselves: 1 of orders" in out


def test_without_a_broker_it_is_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidewheel.runtime.topic_admin.require_broker.__defaults__", (0.3,))
    code, out, err = verified(capsys, "127.0.0.1:1")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no Kafka broker answers at 127.0.0.1:1" in err
