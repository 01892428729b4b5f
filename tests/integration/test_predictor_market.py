"""PredictNow on a real broker: features as docs/semantics.md, "Features" has them, whatever happens on the topic."""

import json

import grpc
import numpy as np
import pytest
from confluent_kafka import Producer

from tests.predictors import Client, metric_value, run_predict, running
from tests.synthetic_models import INSTRUMENT, make_model, published
from tests.synthetic_seconds import START, features_by_hand, seconds
from tests.waiting import eventually
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.topics import TICKS
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.models import Scorer
from tidewheel.registry.store import Registry
from tidewheel.runtime.kafka import flush, producer_config
from tidewheel.wire.v1 import predictor_pb2 as wire

pytestmark = pytest.mark.redis_server


def write(address: str, payloads: list[bytes]) -> None:
    producer = Producer(producer_config(address, "test"))
    for payload in payloads:
        producer.produce(TICKS.name, payload, INSTRUMENT)
        producer.poll(0)
    flush(producer)


def encoded(past: list[MarketSecond]) -> list[bytes]:
    return [encode_second(second) for second in past]


def now_by_hand(past: list[MarketSecond], bid_e9: int, offer_e9: int) -> float:
    row = np.array(features_by_hand(past, bid_e9, offer_e9), dtype="<f4")
    return Scorer.of(make_model(1)).score(row)


def awaits_second(client: Client, second: int) -> wire.PredictNowResponse:
    def known() -> bool:
        try:
            return client.now().second == second
        except grpc.RpcError:
            return False

    eventually(known, f"second {second} is known")
    return client.now()


@pytest.mark.broker
def test_now_follows_the_market(
    broker: str, registry: Registry, empty_redis: str, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.publish(*published(1))
    past = seconds(6000)
    write(broker, encoded(past[:3000]))
    with running(empty_redis, broker) as made:
        client = made.client
        known = past[:3000]
        reply = awaits_second(client, known[-1].second)
        close = known[-1].close_bid_e9, known[-1].close_offer_e9
        assert (reply.bid_e9, reply.offer_e9, reply.stale) == (*close, False)
        assert reply.prediction.score == now_by_hand(known, *close)
        assert reply.prediction.model.seq == 1
        mine = client.now(97 * 10**9 + 1, 98 * 10**9)
        assert mine.prediction.score == now_by_hand(known, 97 * 10**9 + 1, 98 * 10**9)
        code, out, _ = run_predict(capsys, client, "--bid", "97.000000001", "--offer", "98")
        assert (code, json.loads(out)["score"], json.loads(out)["second"]) == (0, mine.prediction.score, reply.second)
        # A record that is none, then a burst longer than is read back.
        before = metric_value("tidewheel_dead_letters_total", service="predictor", source="ticks", reason="undecodable")
        write(broker, [b"\xff\xff", *encoded(past[3000:])])
        reply = awaits_second(client, past[-1].second)
        assert reply.prediction.score == now_by_hand(past, past[-1].close_bid_e9, past[-1].close_offer_e9)
        bad = metric_value("tidewheel_dead_letters_total", service="predictor", source="ticks", reason="undecodable")
        assert bad in (before, before + 1)  # a jump may have passed it by
        # A new session has no history.
        write(broker, encoded(seconds(7, start=START + 20_000, session=2)))
        short = "needs 600 one-second prices of the present session of sim:BTC-USD, has 7"
        wanted = (grpc.StatusCode.FAILED_PRECONDITION, short)

        def refused() -> bool:
            try:
                client.now()
            except grpc.RpcError as failure:
                return (failure.code(), failure.details()) == wanted
            return False

        eventually(refused, "the new session is seen")
