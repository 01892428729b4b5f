"""Explain and WatchModel over a real channel: scores taken apart, swaps and scorecards heard, nobody else held."""

from collections.abc import Iterator
from dataclasses import replace
from math import exp, fsum

import grpc
import pytest

from tests.predictors import Client, running
from tests.synthetic_models import CARD, INSTRUMENT, make_model, make_row, published, put
from tests.waiting import LIMIT_S, eventually
from tidewheel.domain.models import Scorer
from tidewheel.registry.store import Registry
from tidewheel.wire.v1 import predictor_pb2 as wire

pytestmark = pytest.mark.redis_server


def watching(client: Client) -> Iterator[wire.WatchModelResponse]:
    return client.stub.WatchModel(wire.WatchModelRequest(instrument=INSTRUMENT), timeout=LIMIT_S, wait_for_ready=True)


def test_a_score_is_taken_apart(client: Client) -> None:
    row = make_row(3)
    request = wire.ExplainRequest(instrument=INSTRUMENT, features_f32=row.tobytes(), largest=3)
    reply = client.stub.Explain(request, timeout=LIMIT_S)
    assert reply.prediction.score == Scorer.of(make_model(1)).score(row) == pytest.approx(1 / (1 + exp(-reply.z)))
    assert fsum((reply.intercept, *(one.value for one in reply.contributions), reply.rounding)) == reply.z
    assert (len(reply.contributions), reply.contributions[-1].name) == (4, "others")
    assert (reply.prediction.model.seq, reply.prediction.trust.novelty, reply.second) == (1, 0.0, 0)


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        ({"features_f32": b"12"}, grpc.StatusCode.INVALID_ARGUMENT, "2 bytes"),
        ({"features_f32": make_row(1).tobytes(), "bid_e9": 5}, grpc.StatusCode.INVALID_ARGUMENT, "bid_e9: a quote is"),
        ({"bid_e9": 5}, grpc.StatusCode.INVALID_ARGUMENT, "offer_e9: 0 is no price"),
        ({}, grpc.StatusCode.UNAVAILABLE, ""),  # the market: there is no Kafka here
    ],
)
def test_what_cannot_be_explained(client: Client, request_: dict[str, object], code: object, words: str) -> None:
    request = wire.ExplainRequest(instrument=INSTRUMENT, **request_)
    found, details = client.refusal(lambda: client.stub.Explain(request, timeout=LIMIT_S))
    assert (found, words in details) == (code, True), details


def test_swaps_and_scorecards_are_heard(client: Client, registry: Registry) -> None:
    stream = watching(client)
    first = next(stream)
    assert (first.model.seq, first.swapped, first.judged_seq) == (1, True, 0)
    put(registry, replace(published(1)[1], scorecard=CARD))
    registry.publish(*published(2))
    heard = [next(stream)]
    while not (heard[-1].model.seq == 2 and heard[-1].judged_seq == 1):
        heard.append(next(stream))
    assert [one.swapped for one in heard].count(True) == 1
    assert (heard[-1].scorecard.hits, heard[-1].trust.precision) == (12, 0.6)
    stream.cancel()


def test_watchers_are_bounded_and_hold_nobody_else(registry: Registry, empty_redis: str) -> None:
    registry.publish(*published(1))
    with running(empty_redis, grpc_threads=1, watchers_max=2) as made:
        client = made.client
        eventually(lambda: client.served() == (1, 1), "window 1 is served")
        watchers = [watching(client) for _ in range(2)]
        assert [next(one).model.seq for one in watchers] == [1, 1]
        code, details = client.refusal(lambda: next(watching(client)))
        assert (code, "2 watch already" in details) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
        assert client.served() == (1, 1)  # by the only thread there is for predictions
        watchers[0].cancel()

        def has_room() -> bool:
            stream = watching(client)
            try:
                return bool(next(stream).model.seq)
            except grpc.RpcError:
                return False
            finally:
                stream.cancel()

        eventually(has_room, "a watcher that went away leaves room")


def test_a_watch_ends_with_the_service(registry: Registry, empty_redis: str) -> None:
    registry.publish(*published(1))
    with running(empty_redis) as made:
        eventually(lambda: made.client.served() == (1, 1), "window 1 is served")
        stream = watching(made.client)
        next(stream)
        made.stop()
        assert list(stream) == []


def test_nothing_to_watch(client: Client) -> None:
    stream = client.stub.WatchModel(wire.WatchModelRequest(instrument="sim:NONE"), timeout=LIMIT_S)
    assert client.refusal(lambda: next(stream))[0] is grpc.StatusCode.NOT_FOUND
