"""What is handed over is written or counted as lost, and never waited for."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from confluent_kafka import KafkaError, KafkaException

from services.predictor.core import PredictionEngine
from services.predictor.market.history import MarketViews, PriceHistory
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.served.served_log import BATCH_ROWS_MAX, WAITING_MAX, SampleRates, ServedLog
from services.predictor.served.shadow import Candidates, shadow_answer
from tests.predictors import metric_value
from tests.synthetic_models import INSTRUMENT, make_model, make_row
from tests.synthetic_seconds import seconds
from tidewheel.contracts.codecs.predictions import decode_prediction
from tidewheel.contracts.topics import PREDICTIONS
from tidewheel.domain.models import Evidence, ModelPointer
from tidewheel.domain.predictions import ServedPrediction
from tidewheel.runtime.kafka import KAFKA

AT_NS = 1_700_000_000_123_456_789


class StubProducer:
    """Delivers at the next poll, or says why not."""

    def __init__(self) -> None:
        self.written: list[ServedPrediction] = []
        self.full = False
        self.fails_for_good = False
        self.delivery_error: KafkaError | None = None
        self._due: list[Callable[[], None]] = []

    def produce(self, topic: str, value: bytes, key: str, on_delivery: Callable[..., None]) -> None:
        if self.full:
            raise BufferError
        if self.fails_for_good:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        assert (topic, key) == (PREDICTIONS.name, INSTRUMENT)
        if self.delivery_error is None:
            self.written.append(decode_prediction(value))
        self._due.append(lambda: on_delivery(self.delivery_error, None))

    def poll(self, timeout: float) -> None:
        due, self._due = self._due, []
        for deliver in due:
            deliver()

    def flush(self, limit_s: float) -> int:
        self.poll(0)
        return 0


def serving(seq: int) -> ServingModel:
    model = make_model(seq)
    pointer = ModelPointer(INSTRUMENT, seq, 1, f"sha {seq}", model.schema_hash.hex(), Evidence.NONE, 1, seq, 2)
    return ServingModel.of(pointer, model)


class Served:
    """An engine whose answers are handed over to a log with a producer of the test's own."""

    def __init__(self, *, chance: Callable[[], float] = lambda: 0.5, **rates: float) -> None:
        slots, views, history = ModelSlots(), MarketViews(), PriceHistory()
        slots.put(serving(1))
        views.unavailable = None
        for second in seconds(600):
            history.add(second)
        if (view := history.view()) is not None:
            views.put(view)
        self.engine, self.candidates, self.producer = PredictionEngine(slots, views), Candidates(), StubProducer()
        self.made = 0

        def producer(config: Any) -> Any:
            self.made += 1
            return self.producer

        clients = replace(KAFKA, producer=producer)
        self.log = ServedLog("x", SampleRates(**rates), self.candidates.get, logging.getLogger("t"), clients, chance)

    def predict(self, seed: int = 1) -> Any:
        result = self.engine.predict(INSTRUMENT, make_row(seed))
        self.log.on_prediction(result, make_row(seed), AT_NS)
        return result

    def now(self) -> Any:
        result = self.engine.predict_now(INSTRUMENT)
        self.log.on_now(result, False, AT_NS)
        return result

    def take_all(self) -> list[ServedPrediction]:
        while self.log.take(0.0):
            pass
        return self.producer.written


def lost(reason: str) -> float:
    return metric_value("tidewheel_predictions_lost_total", reason=reason)


def test_answers_of_predict_now_are_written_whole() -> None:
    served = Served()
    result = served.now()
    (found,) = served.take_all()
    one = result.prediction
    assert (found.method, found.at_ns, found.instrument) == ("PredictNow", AT_NS, INSTRUMENT)
    assert found.features == result.row.tobytes()
    assert (found.score, found.label, found.threshold) == (one.score, one.label, 0.5)
    assert (found.model_seq, found.model_epoch, found.model_sha256) == (1, 1, "sha 1")
    assert (found.second, found.bid_e9, found.offer_e9) == (result.second, result.quote.bid_e9, result.quote.offer_e9)
    assert (found.flags, found.candidate_seq) == (tuple(flag.kind for flag in one.trust.flags), 0)


def test_rows_that_callers_give_are_written_where_it_is_wanted() -> None:
    served = Served()
    served.predict()
    assert served.take_all() == []
    served = Served(predict=1.0)
    served.predict()
    (found,) = served.take_all()
    assert (found.method, found.second) == ("Predict", 0)


def test_a_share_is_drawn() -> None:
    draws = iter([0.1, 0.3, 0.29, 0.9])
    served = Served(now=0.3, chance=lambda: next(draws))
    for _ in range(4):
        served.now()
    assert len(served.take_all()) == 2


def test_a_candidate_shadows_and_no_caller_sees_it() -> None:
    served = Served()
    alone = served.predict().score
    served.candidates.put(serving(2))
    assert served.predict().score == alone
    before = {
        agrees: metric_value("tidewheel_shadow_answers_total", instrument=INSTRUMENT, agrees=agrees)
        for agrees in ("true", "false")
    }
    served.now()
    (found,) = served.take_all()
    row = np.frombuffer(found.features, dtype="<f4")
    assert (found.candidate_seq, found.candidate_score) == (2, serving(2).scorer.score(row))
    assert found.candidate_label == (found.candidate_score >= 0.5)
    after = {
        agrees: metric_value("tidewheel_shadow_answers_total", instrument=INSTRUMENT, agrees=agrees)
        for agrees in before
    }
    assert sum(after.values()) == sum(before.values()) + 2  # Predict's too, which is not written
    served.candidates.drop(INSTRUMENT)
    served.now()
    assert served.take_all()[-1].candidate_seq == 0


def test_what_the_candidate_says_by_hand() -> None:
    candidate, row = serving(2), make_row(5)
    own = candidate.scorer.score(row)
    found = shadow_answer(candidate, row, 0.1, 0)
    assert (found.score, found.label, found.difference) == (own, int(own >= 0.5), abs(own - 0.1))
    assert found.agrees == (found.label == 0)


def test_of_a_batch_a_bounded_number_of_rows_is_handed_over() -> None:
    served = Served(predict=1.0)
    rows = np.array([make_row(1)] * (BATCH_ROWS_MAX + 5))
    served.log.on_batch(served.engine.predict_batch(INSTRUMENT, rows), rows, AT_NS)
    found = served.take_all()
    assert Counter(one.method for one in found) == {"PredictBatch": BATCH_ROWS_MAX}


def test_nothing_waits_and_what_is_lost_is_counted() -> None:
    served, before = Served(), lost("predictor_busy")
    for _ in range(WAITING_MAX + 3):
        served.now()
    assert lost("predictor_busy") == before + 3
    served.producer.full, before = True, lost("kafka_slow")
    assert served.log.take(0.0)
    assert lost("kafka_slow") == before + 1
    served.producer.full = False
    assert len(served.take_all()) == WAITING_MAX - 1


def test_a_delivery_that_fails_is_counted_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    served, before = Served(), lost("kafka_failed")
    served.producer.delivery_error = KafkaError(KafkaError._MSG_TIMED_OUT)
    for _ in range(3):
        served.now()
    assert served.take_all() == []
    assert lost("kafka_failed") == before + 3
    assert caplog.text.count("answers are not written") == 1


def test_a_producer_that_failed_for_good_is_replaced() -> None:
    served, before = Served(), lost("kafka_failed")
    served.producer.fails_for_good = True
    served.now()
    assert served.take_all() == []
    served.producer.fails_for_good = False
    served.now()
    assert len(served.take_all()) == 1
    assert (served.made, lost("kafka_failed")) == (2, before + 1)


def test_what_is_left_at_the_end_is_written() -> None:
    served, stop = Served(), threading.Event()
    for _ in range(5):
        served.now()
    stop.set()
    served.log.run(stop)
    assert len(served.producer.written) == 5
