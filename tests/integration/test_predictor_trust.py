"""Each trust flag as a client sees it, and as a refusal where the operator wants it so."""

import time
from dataclasses import replace

import grpc
import numpy as np
import pytest
from confluent_kafka import Producer

from tests.predictors import Client, running
from tests.synthetic_models import CARD, INSTRUMENT, RANGE, make_model, make_record, make_row, put
from tests.synthetic_seconds import START, seconds
from tests.waiting import eventually
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.contracts.topics import TICKS
from tidewheel.domain.account import Account
from tidewheel.domain.betting import Bettor
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Evidence, Model
from tidewheel.domain.time import NS_PER_S
from tidewheel.registry.store import Registry
from tidewheel.runtime.kafka import flush, producer_config
from tidewheel.wire.v1 import predictor_pb2 as wire

pytestmark = [pytest.mark.redis_server, pytest.mark.broker]

GOOD_ACCOUNT = Account(Bettor(gross=(30.0,) * 5, net=(2.0,) * 5))
POOR_ACCOUNT = Account(Bettor(gross=(0.5,) * 5, net=(0.25,) * 5))
NOVEL_ROW = np.full(FEATURE_COUNT, 2 * RANGE, dtype="<f4")


def write_market(address: str, count: int, age_s: float) -> None:
    """A market whose seconds were all written so long ago."""
    producer = Producer(producer_config(address, "test"))
    at_ms = round((time.time() - age_s) * 1000)
    for second in seconds(count):
        producer.produce(TICKS.name, encode_second(second), INSTRUMENT, timestamp=at_ms)
        producer.poll(0)
    flush(producer)


def model_that_learnt(until_s: int) -> Model:
    """Over 100 s of market."""
    return replace(
        make_model(1), first_placed_ns=(START + until_s - 100) * NS_PER_S, last_resolved_ns=(START + until_s) * NS_PER_S
    )


def publish(registry: Registry, model: Model, account: Account, drift_seq: int = 0) -> None:
    payload = encode_model(model)
    record = make_record(payload, model.seq, evidence=Evidence.NONE)
    registry.publish(payload, record)
    put(registry, replace(record, scorecard=replace(CARD, account=account), drift_seq=drift_seq))


def flags(trust: wire.Trust) -> set[str]:
    assert all(flag.reason for flag in trust.flags)
    return {wire.TrustFlag.Kind.Name(flag.kind).removeprefix("KIND_") for flag in trust.flags}


def awaits_now(client: Client) -> wire.PredictNowResponse:
    def answered() -> bool:
        try:
            return client.now().prediction.trust.models_judged == 1
        except grpc.RpcError:
            return False

    eventually(answered, "the market and the record of the procedure are known")
    return client.now()


def test_a_good_answer_carries_figures_and_no_flag(broker: str, registry: Registry, empty_redis: str) -> None:
    write_market(broker, 650, age_s=0)
    publish(registry, model_that_learnt(600), GOOD_ACCOUNT)
    with running(empty_redis, broker, features_stale_after_s=600.0) as made:
        trust = awaits_now(made.client).prediction.trust
        assert flags(trust) == set()
        assert (trust.learnt_until_ns, trust.model_age_s) == ((START + 600) * NS_PER_S, 50.0)
        assert (trust.base_rate, trust.precision, trust.recall) == (0.4, 0.6, 0.3)
        assert (trust.e_gross, trust.e_net, trust.novelty) == (30.0, 2.0, 0.0)
        assert 0 <= trust.features_age_s < 600
        batch = wire.PredictBatchRequest(instrument=INSTRUMENT, features_f32=make_row(1).tobytes() * 2)
        told = made.client.stub.PredictBatch(batch, timeout=10).trust
        assert (told.precision, told.model_age_s, told.HasField("features_age_s")) == (0.6, 50.0, False)


def test_every_flag_is_seen(broker: str, registry: Registry, empty_redis: str) -> None:
    write_market(broker, 650, age_s=3600)
    publish(registry, model_that_learnt(400), POOR_ACCOUNT, drift_seq=1)
    with running(empty_redis, broker) as made:
        assert flags(awaits_now(made.client).prediction.trust) == {
            "STALE_FEATURES",
            "MODEL_OVERDUE",
            "DRIFT",
            "NO_EVIDENCE",
        }
        trust = made.client.predict(NOVEL_ROW).trust
        assert flags(trust) == {"NOVEL_INPUT", "MODEL_OVERDUE", "DRIFT", "NO_EVIDENCE"}
        assert (trust.novelty, trust.features_age_s) == (1.0, 0.0)
    for refused in ("stale_features", "model_overdue", "drift", "no_evidence"):
        with running(empty_redis, broker, refuse_when=refused) as made:
            reason = f"this predictor refuses what is flagged {refused}"

            def refuses(client: Client = made.client, reason: str = reason) -> bool:
                try:
                    client.now()
                except grpc.RpcError as failure:
                    return failure.code() is grpc.StatusCode.FAILED_PRECONDITION and reason in failure.details()
                return False

            eventually(refuses, f"{refused} is refused")
    with running(empty_redis, broker, refuse_when="novel_input") as made:
        eventually(lambda: made.client.served() is not None, "a row within the range is scored")
        code, details = made.client.refusal(lambda: made.client.predict(NOVEL_ROW))
        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert "605 of 605 features lie outside the range that training saw" in details
