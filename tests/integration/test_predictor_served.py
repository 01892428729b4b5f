"""What is served, as it lies on topic predictions, and what `tidewheel audit` says of it on a real broker and
registry."""

import json
from dataclasses import replace
from typing import Any

import grpc
import pytest
from confluent_kafka import Producer

from services.labeler.core import Labeler
from services.orderbot.core import OrderRule, orders_of
from tests.predictors import Client, RunningPredictor, metric_value, running
from tests.quoted_seconds import quoted_seconds
from tests.synthetic_models import INSTRUMENT, make_row, published
from tests.waiting import eventually
from tidewheel.cli.main import main
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.orders import encode_example, encode_orders
from tidewheel.contracts.codecs.predictions import decode_prediction, encode_prediction
from tidewheel.contracts.topics import EXAMPLES, ORDERS, PREDICTIONS, TICKS
from tidewheel.domain.predictions import ServedPrediction
from tidewheel.domain.prices import Threshold
from tidewheel.registry.store import Registry
from tidewheel.runtime.kafka import flush, producer_config, read_to_end

pytestmark = [pytest.mark.redis_server, pytest.mark.broker]

PAST = quoted_seconds(700)
RULE = OrderRule(2, Threshold.parse("1"))
ASKED_AT = range(605, 640, 5)


def write(broker: str, topic: str, *payloads: bytes) -> None:
    producer = Producer(producer_config(broker, "test"))
    for payload in payloads:
        producer.produce(topic, payload, INSTRUMENT, 0)
        producer.poll(0)
    flush(producer)


def labelled() -> tuple[list[bytes], list[bytes]]:
    """Orders and examples of the whole market, by the services' own cores."""
    labeler = Labeler(INSTRUMENT)
    orders, examples = [], []
    for second in PAST:
        placed = orders_of(second, RULE)
        orders.append(encode_orders(placed))
        pairs = [*labeler.on_orders(placed), *labeler.on_second(second)]
        examples += [encode_example(example) for _, example in pairs if example is not None]
    return orders, examples


def asks(client: Client, second: int) -> None:
    def answered() -> bool:
        try:
            return client.now().second == second
        except grpc.RpcError:
            return False

    eventually(answered, f"an answer knows second {second}")


def served(broker: str) -> list[ServedPrediction]:
    return [decode_prediction(message.value()) for message in read_to_end(broker, PREDICTIONS.name)]


def audited(capsys: pytest.CaptureFixture[str], broker: str, redis_url: str, *more: str) -> tuple[int, Any]:
    code = main(["audit", "--kafka", broker, "--redis", redis_url, "--json", *more])
    return code, json.loads(capsys.readouterr().out)


def parity(result: str) -> float:
    return metric_value("tidewheel_parity_total", instrument=INSTRUMENT, result=result)


def ask_all_along(broker: str, made: RunningPredictor) -> None:
    """Answers at some seconds of the market, as it goes on."""
    known = 0
    for end in ASKED_AT:
        write(broker, TICKS.name, *(encode_second(second) for second in PAST[known:end]))
        asks(made.client, PAST[end - 1].second)
        known = end
    write(broker, TICKS.name, *(encode_second(second) for second in PAST[known:]))


def test_what_callers_got_is_written_and_audited(
    broker: str, registry: Registry, empty_redis: str, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.publish(*published(1))
    registry.publish_candidate(*published(2))
    orders, examples = labelled()
    before = parity("equal")
    with running(empty_redis, broker, log_predict_share=1.0) as made:
        eventually(lambda: made.client.served() == (1, 1), "window 1 is served")
        shadowed = metric_value("tidewheel_shadow_answers_total", instrument=INSTRUMENT, agrees="true")
        ask_all_along(broker, made)
        row = make_row(1)
        made.client.predict(row)
        write(broker, ORDERS.name, *orders)

        def compared() -> bool:
            write(broker, EXAMPLES.name, *examples)  # again, until the reader of the sample was there before
            return parity("equal") > before

        eventually(compared, "features are compared")
        assert parity("different") == 0
        eventually(
            lambda: any(one.method == "Predict" and one.features == row.tobytes() for one in served(broker)),
            "it is written",
        )
        eventually(
            lambda: (
                metric_value("tidewheel_shadow_answers_total", instrument=INSTRUMENT, agrees="true") > shadowed
                or metric_value("tidewheel_shadow_answers_total", instrument=INSTRUMENT, agrees="false") > 0
            ),
            "the candidate shadows",
        )
    code, found = audited(capsys, broker, empty_redis)
    assert (code, found["features"]["parity"], found["features"]["different"]) == (0, 1.0, 0)
    assert found["features"]["equal"] >= len(ASKED_AT)
    assert found["answers"]["equal"] == found["predictions"] >= len(ASKED_AT)
    assert (found["answers"]["different"], found["answers"]["model_not_kept"], found["unreadable"]) == (0, 0, 0)
    assert found["served"]["rows"] == found["features"]["equal"]
    assert audited(capsys, broker, empty_redis, "--instrument", "sim:ETH-USD")[1]["predictions"] == 0
    # Planted: an answer that is not the model's, features that are not the labeler's, a record that is none.
    one = next(one for one in served(broker) if one.second)
    other = bytes([one.features[0] ^ 1]) + one.features[1:]
    fakes = [replace(one, score=1 - one.score), replace(one, features=other)]
    write(broker, PREDICTIONS.name, b"\xff\xff", *(encode_prediction(fake) for fake in fakes))
    code, found = audited(capsys, broker, empty_redis)
    assert code == 1
    assert (found["features"]["different"], found["unreadable"]) == (1, 1)
    assert found["answers"]["different"] >= 1
    assert any("1 features differ" in words and "the first is bid" in words for words in found["differences"])


def test_without_a_broker_calls_are_answered_and_losses_counted(registry: Registry, empty_redis: str) -> None:
    registry.publish(*published(1))
    before = metric_value("tidewheel_predictions_lost_total", reason="stopped")
    with running(empty_redis, log_predict_share=1.0) as made:
        eventually(lambda: made.client.served() == (1, 1), "window 1 is served")
        for seed in range(20):
            made.client.predict(make_row(seed))
    assert metric_value("tidewheel_predictions_lost_total", reason="stopped") >= before + 20


def test_an_audit_without_a_log_says_so(empty_redis: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["audit", "--kafka", "127.0.0.1:1", "--redis", empty_redis])
    assert code == 2
    assert "nothing can be audited" in capsys.readouterr().err
