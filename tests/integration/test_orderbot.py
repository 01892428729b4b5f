"""The order bot on a real broker: every second answered, whatever is killed."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.errors import KafkaTimeoutError
from confluent_kafka import Producer
from faust.exceptions import ProducerSendError

from services.orderbot import app, faust_app
from services.orderbot.core import OrderRule, orders_of
from services.orderbot.settings import Settings
from tests.orderbots import Tail, committed, order_bot, publish, publish_raw
from tests.synthetic_seconds import seconds
from tests.waiting import LIMIT_S, eventually
from tidewheel.contracts.codecs.market import decode_dead_letter, encode_second
from tidewheel.contracts.codecs.orders import encode_orders
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.contracts.topics import DEAD_LETTERS, ORDERS, TICKS
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.prices import Threshold
from tidewheel.runtime.kafka import producer_config, read_to_end
from tidewheel.runtime.process import FatalError

pytestmark = pytest.mark.broker

RULE = OrderRule(5, Threshold.parse("10"))
INSTRUMENTS = ("sim:BTC-USD", "sim:ETH-USD", "replay:A", "replay:B")

# A bot whose producer never confirms the output of one input.
HANGING = """
import asyncio, sys
from aiokafka import AIOKafkaProducer
from services.orderbot.__main__ import main
send, calls = AIOKafkaProducer.send, 0
async def hang(self, topic, value=None, **more):
    global calls
    calls += 1
    delivery = await send(self, topic, value, **more)
    return asyncio.Future() if calls == 3 else delivery
AIOKafkaProducer.send = hang
sys.exit(main())
"""
# A bot whose producer fails once, after two outputs.
FAILING = HANGING.replace(
    "asyncio.Future() if calls == 3 else delivery", "failed() if calls == 3 else delivery"
).replace(
    "async def hang",
    "def failed():\n    f = asyncio.Future(); f.set_exception(OSError('no')); return f\nasync def hang",
)


def market(count: int, start: int = 1_600_000_000) -> list[MarketSecond]:
    """Seconds of several instruments in turn."""
    each = [seconds(count, start, instrument=name, seed=seed) for seed, name in enumerate(INSTRUMENTS)]
    return [second for together in zip(*each, strict=True) for second in together]


def expected(made: list[MarketSecond]) -> set[bytes]:
    return {encode_orders(orders_of(second, RULE)) for second in made}


def test_each_second_is_answered_on_its_partition_with_its_key(broker: str, tmp_path: Path) -> None:
    made = market(50)
    # On a partition that no hash would choose.
    elsewhere = seconds(5, instrument="sim:ELSE", seed=9)
    publish(broker, elsewhere, partition=0)
    publish(broker, elsewhere[:1], partition=1)
    publish(broker, made)
    with order_bot(broker, tmp_path) as bot, Tail(broker, TICKS.name) as ticks, Tail(broker) as orders:
        bot.await_ready()
        assert bot.answers("/live")
        orders.read_until(lambda: len(orders.records) == len(made) + 6, "an answer to each second")
        ticks.read_until(lambda: len(ticks.records) == len(made) + 6, "the ticks")
        assert {value for _, _, value in orders.records} == expected(made + elsewhere)
        for partition in (0, 1):
            came, went = ([key for p, key, _ in tail.records if p == partition] for tail in (ticks, orders))
            assert came == went
        assert bot.metric("tidewheel_orders_placed_total") == 5 * len(orders.records)
        assert bot.terminate() == 0
        assert sum(committed(broker).values()) == len(made) + 6
        assert "ERROR" not in bot.log.read_text()
        assert not list(Path.cwd().glob("orderbot*-data"))


def test_no_second_is_missing_however_often_it_is_killed(broker: str, tmp_path: Path) -> None:
    made = market(1500)
    publish(broker, made)
    with Tail(broker) as orders:
        for share in (0.05, 0.3, 0.6):
            with order_bot(broker, tmp_path, INSTANCE="one") as bot:
                wanted = int(share * len(made))
                orders.read_until(lambda wanted=wanted: len(orders.records) > wanted, "it gets on")
                bot.kill()  # in the middle
        with order_bot(broker, tmp_path, INSTANCE="one") as bot:
            orders.read_seconds(made)
            assert bot.terminate() == 0
        # Repeats are there, and each is the same record.
        assert {value for _, _, value in orders.records} == expected(made)
        assert sum(committed(broker).values()) == len(made)


def test_an_output_that_is_not_confirmed_holds_its_input_back(broker: str, tmp_path: Path) -> None:
    made = seconds(200)
    publish(broker, made, partition=1)
    with Tail(broker) as orders:
        with order_bot(broker, tmp_path, program=("-c", HANGING)) as bot:
            orders.read_until(lambda: len(orders.records) == len(made), "the outputs")
            eventually(lambda: committed(broker) == {1: 2}, "all before it is committed")
            assert bot.terminate() == 0
        assert committed(broker) == {1: 2}
        with order_bot(broker, tmp_path):
            orders.read_until(lambda: len(orders.records) == 2 * len(made) - 2, "the rest again")
            eventually(lambda: committed(broker) == {1: len(made)}, "all is committed")


def test_a_failed_delivery_is_a_crash_and_nothing_is_lost(broker: str, tmp_path: Path) -> None:
    made = seconds(200)
    publish(broker, made, partition=1)
    with order_bot(broker, tmp_path, program=("-c", FAILING)) as bot:
        assert bot.process.wait(LIMIT_S) == 1
        assert committed(broker).get(1, 0) <= 2
    with order_bot(broker, tmp_path), Tail(broker) as orders:
        orders.read_seconds(made)


def test_a_hole_in_the_log_costs_one_start(broker: str, tmp_path: Path) -> None:
    """A record that does not follow may have been lost on the way: the process ends, and the next one reads it again.

    Here the hole is real, a transaction's marker, so the next one finds that nothing was lost and goes on.
    """
    made = seconds(20)
    producer = Producer(producer_config(broker, "test", **{"transactional.id": "test"}))
    producer.init_transactions()
    for part in (made[:5], made[5:]):
        producer.begin_transaction()
        for second in part:
            producer.produce(TICKS.name, encode_second(second), second.instrument, partition=1)
        producer.commit_transaction()
    with Tail(broker) as orders:
        with order_bot(broker, tmp_path) as bot:
            assert bot.process.wait(LIMIT_S) == 1
            assert "offset 6 came where 5 was due" in bot.log.read_text()
        with order_bot(broker, tmp_path):
            orders.read_seconds(made)
        assert len(orders.records) == len(made)


def test_partitions_move_between_workers_without_loss(broker: str, tmp_path: Path) -> None:
    made = market(1000)
    publish(broker, made[: len(made) // 2])
    with order_bot(broker, tmp_path) as first, Tail(broker) as orders:
        orders.read_until(lambda: len(orders.records) > 0, "the first works")
        with order_bot(broker, tmp_path) as second:
            second.await_ready()
            publish(broker, made[len(made) // 2 :])
            orders.read_until(lambda: len(orders.records) > len(made) // 2 + 100, "both work")
            first.kill()
            orders.read_seconds(made)
            assert second.terminate() == 0
        assert {value for _, _, value in orders.records} == expected(made)


def test_what_cannot_be_decoded_is_rejected_and_the_rest_goes_on(broker: str, tmp_path: Path) -> None:
    made = seconds(4)
    publish(broker, made[:2], partition=1)
    bad = [(b"key", b"\xff\xff garbage"), (None, b""), (b"k", None), (None, None)]
    publish_raw(broker, bad, partition=1)
    publish(broker, made[2:], partition=1)
    with order_bot(broker, tmp_path) as bot, Tail(broker) as orders, Tail(broker, DEAD_LETTERS.name) as dead:
        orders.read_seconds(made)
        dead.read_until(lambda: len(dead.records) == len(bad), "the dead letters")
        letters = [decode_dead_letter(value) for _, _, value in dead.records]
        assert [(letter.service, letter.source, letter.partition) for letter in letters] == [
            ("orderbot", "ticks", 1)
        ] * 4
        assert [letter.offset for letter in letters] == [2, 3, 4, 5]
        assert [letter.reason for letter in letters] == [
            DeadLetterReason.UNDECODABLE,
            *[DeadLetterReason.UNKNOWN_INSTRUMENT] * 3,
        ]
        assert [(letter.key or None, letter.raw or None) for letter in letters] == [(k, v or None) for k, v in bad]
        assert bot.metric("tidewheel_dead_letters_total") == 4
        eventually(lambda: committed(broker) == {1: 8}, "bad records are done as well")


def test_a_topic_of_nothing_but_garbage_is_not_drained(broker: str, tmp_path: Path) -> None:
    made = seconds(3)
    publish(broker, made, partition=1)
    publish_raw(broker, [(None, b"garbage")] * 2500, partition=1)
    for _ in range(3):  # whoever starts it again and again
        with order_bot(broker, tmp_path) as bot:
            assert bot.process.wait(LIMIT_S) == 1
            assert "1001 bad records in a row" in bot.log.read_text()
            assert "Traceback" not in bot.log.read_text()
        assert committed(broker) == {1: len(made)}
    letters = [decode_dead_letter(message.value()) for message in read_to_end(broker, DEAD_LETTERS.name)]
    assert {letter.offset for letter in letters} == set(range(3, 1003))


def test_a_broker_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "METADATA_LIMIT_S", 0.2)
    with pytest.raises(FatalError, match=r"Kafka at 127\.0\.0\.1:1 cannot be used: .*"):
        app.check_broker(Settings(kafka="127.0.0.1:1"))


def test_a_missing_topic_is_one_clear_line(kafka_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "TICKS", type("Missing", (), {"name": "missing"}))
    with pytest.raises(FatalError, match=r"cannot be used: .*topic"):
        app.check_broker(Settings(kafka=kafka_address))


def test_nothing_is_sent_behind_a_record_that_was_given_up(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the simulation: orders of later seconds went out behind those that could not be delivered, and the
    labeler took it that of those seconds there were none."""

    monkeypatch.setattr(faust_app, "LINGER_S", 0)

    async def sent() -> list[BaseException | None]:
        faust = faust_app.make_app(Settings(kafka=broker))
        await faust.producer.start()
        first = await faust.producer.send(ORDERS.name, b"key", b"first", 0, None, None)
        await first
        behind = await faust.producer.send(ORDERS.name, b"key", b"behind", 0, None, None)
        faust.abort_sends(KafkaTimeoutError())
        with pytest.raises(ProducerSendError):
            await faust.producer.send(ORDERS.name, b"key", b"later", 0, None, None)
        await faust.producer._producer.client.force_metadata_update()  # as long as sending would take
        await faust.producer.flush()
        await faust.producer.stop()
        return [first.exception(), behind.exception()]

    delivered, given_up = asyncio.run(sent())
    assert delivered is None
    assert isinstance(given_up, KafkaTimeoutError)
    assert [message.value() for message in read_to_end(broker, ORDERS.name)] == [b"first"]
