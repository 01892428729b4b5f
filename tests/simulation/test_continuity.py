"""Readers notice what repeats and what is missing, each in its own shell, but not what they read again on purpose."""

from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.orderbot.app import OrderBot
from services.orderbot.settings import Settings
from tests.predictors import metric_value
from tests.simulation import inputs
from tests.simulation.broker import Broker
from tests.simulation.clients import clients
from tests.simulation.injector import NoFaults
from tests.simulation.orderbots import FakeFaustApp, run_sync
from tests.simulation.test_trainer import MARKET, PLACE, a_service, turn
from tests.synthetic_seconds import seconds
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.topics import EXAMPLES, TICKS, TOPICS
from tidewheel.runtime.health import Health


def continuity_counts(service: str, topic: str) -> tuple[float, float]:
    """Records counted as repeated and as missing."""
    labels = {"service": service, "topic": topic}
    repeated, missing = (metric_value(f"tidewheel_records_{what}_total", **labels) for what in ("repeated", "missing"))
    return repeated, missing


def a_broker(chance: Random) -> Broker:
    return Broker({name: topic.partitions(inputs.PARTITIONS) for name, topic in TOPICS.items()}, chance)


def test_the_trainer(caplog: pytest.LogCaptureFixture) -> None:
    chance = Random(1)
    broker, before = a_broker(chance), continuity_counts("trainer", EXAMPLES.name)
    rows = MARKET.examples
    # Five rows again, as after a torn transaction, and three that never came.
    for value in (*rows[:20], *rows[15:40], *rows[43:60]):
        broker.append(PLACE, MARKET.instrument.encode(), value)
    turn(a_service(broker, NoFaults(), chance), 30)
    assert continuity_counts("trainer", EXAMPLES.name) == (before[0] + 5, before[1] + 3)
    warnings = [record.getMessage() for record in caplog.records if "came" in record.getMessage()]
    assert len(warnings) == 1, warnings
    assert "example_seq 16 came late or again where 21 was due" in warnings[0]


def test_the_order_bot(caplog: pytest.LogCaptureFixture) -> None:
    chance = Random(1)
    broker, before = a_broker(chance), continuity_counts("orderbot", TICKS.name)
    app = FakeFaustApp(clients(broker, NoFaults(), chance), "")
    bot = OrderBot(cast(Any, app), Settings(kafka="simulated"), Health("orderbot"))
    made = seconds(40)

    def read(*numbers: int, offset: int) -> None:
        for at, number in enumerate(numbers):
            message = SimpleNamespace(topic=TICKS.name, partition=0, offset=offset + at, key=b"k")
            run_sync(bot.on_record(message, encode_second(made[number])))

    read(*range(10), 8, 9, 10, *range(14, 20), offset=0)
    assert continuity_counts("orderbot", TICKS.name) == (before[0] + 2, before[1] + 3)
    # The consumer reads again from an earlier offset, and once more after a rebalance.
    read(*range(15, 25), offset=14)
    run_sync(bot.on_assigned(cast(Any, app), set()))
    read(*range(30), offset=30)
    assert continuity_counts("orderbot", TICKS.name) == (before[0] + 2, before[1] + 3)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
